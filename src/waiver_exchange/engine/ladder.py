"""Price ladders: which prices of a book side have orders, and the best of them, in a fixed number of steps.

A ladder is a radix tree of 32 ways over a 20-bit key; the lowest key is the best price, so a bid's key counts down from
the top. Inner nodes and leaves come from pools shared by all books and go back when empty.
"""

from librt.vecs import vec
from mypy_extensions import i64

from waiver_exchange.engine.tables import (
    BEST_KEY,
    BEST_LEVEL,
    BOOK_WIDTH,
    INNER_WIDTH,
    KEY_MAX,
    LEAF_WIDTH,
    LEVEL_WIDTH,
    NO_KEY,
    ROOT,
    Tables,
    grown,
)


def key_of(direction: i64, price: i64) -> i64:
    """Return the key under which a price stands in a ladder that runs like the bids (0) or like the asks (1)."""
    return price if direction != 0 else KEY_MAX - price


def _shift_left(value: i64, places: i64) -> i64:
    # mypyc compiles a shift of a known constant as a 32-bit shift; a parameter keeps all 64 bits.
    return value << places


def _bit(place: i64) -> i64:
    return _shift_left(1, place)


def _lowest(bits: i64) -> i64:
    place: i64 = 0
    if bits & 0xFFFF == 0:
        place = 16
        bits >>= 16
    if bits & 0xFF == 0:
        place += 8
        bits >>= 8
    if bits & 0xF == 0:
        place += 4
        bits >>= 4
    if bits & 3 == 0:
        place += 2
        bits >>= 2
    if bits & 1 == 0:
        place += 1
    return place


def _new_inner(t: Tables) -> i64:
    node: i64 = t.inner_free
    if node != 0:
        t.inner_free = t.inner[node * INNER_WIDTH + 1]
        t.inner[node * INNER_WIDTH + 1] = 0
        return node
    node = i64(len(t.inner)) // INNER_WIDTH
    t.inner = grown(t.inner, INNER_WIDTH)
    return node


def _new_leaf(t: Tables) -> i64:
    leaf: i64 = t.leaf_free
    if leaf != 0:
        t.leaf_free = t.leaves[leaf * LEAF_WIDTH + 1]
        t.leaves[leaf * LEAF_WIDTH + 1] = 0
        return leaf
    leaf = i64(len(t.leaves)) // LEAF_WIDTH
    t.leaves = grown(t.leaves, LEAF_WIDTH)
    return leaf


def _child(t: Tables, node: i64, way: i64) -> i64:
    """Return the inner child of a node, made if it did not exist."""
    inner = t.inner
    at: i64 = node * INNER_WIDTH
    child: i64 = inner[at + 1 + way]
    if child == 0:
        child = _new_inner(t)
        inner = t.inner
        inner[at + 1 + way] = child
        inner[at] |= _bit(way)
    return child


def level_at(t: Tables, book: i64, key: i64) -> i64:
    """Return where the level of a key lies in `leaves`; the level must exist."""
    inner = t.inner
    node: i64 = t.books[book * BOOK_WIDTH + ROOT]
    node = inner[node * INNER_WIDTH + 1 + (key >> 15)]
    node = inner[node * INNER_WIDTH + 1 + ((key >> 10) & 31)]
    leaf: i64 = inner[node * INNER_WIDTH + 1 + ((key >> 5) & 31)]
    return _level_in(leaf * LEAF_WIDTH, key)


def open_level(t: Tables, book: i64, key: i64) -> i64:
    """Return where the level of a key lies in `leaves`, made and entered as not empty if it did not exist."""
    books = t.books
    at: i64 = book * BOOK_WIDTH
    best: i64 = books[at + BEST_KEY]
    # Most orders rest close to the best price: no need to descend from the root.
    is_close: bool = key >> 5 == best >> 5
    leaf: i64 = _leaf_of(books[at + BEST_LEVEL], best) if is_close else _open_leaf(t, books, book, key)
    level: i64 = _level_in(leaf, key)
    leaves = t.leaves
    leaves[leaf] |= _bit(key & 31)
    if key < best:
        books[at + BEST_KEY] = key
        books[at + BEST_LEVEL] = level
    return level


def _level_in(leaf: i64, key: i64) -> i64:
    """Return where the level of a key lies in `leaves`, given where its leaf lies."""
    return leaf + 1 + (key & 31) * LEVEL_WIDTH


def _leaf_of(level: i64, key: i64) -> i64:
    """Return where the leaf of a level lies in `leaves`; the inverse of `_level_in`."""
    return level - 1 - (key & 31) * LEVEL_WIDTH


def _open_leaf(t: Tables, books: vec[i64], book: i64, key: i64) -> i64:
    """Return where the leaf of a key lies in `leaves`, made if it did not exist."""
    root: i64 = books[book * BOOK_WIDTH + ROOT]
    if root == 0:
        root = _new_inner(t)
        books[book * BOOK_WIDTH + ROOT] = root
    node: i64 = _child(t, _child(t, root, key >> 15), (key >> 10) & 31)
    way: i64 = (key >> 5) & 31
    inner = t.inner
    leaf: i64 = inner[node * INNER_WIDTH + 1 + way]
    if leaf == 0:
        leaf = _new_leaf(t)
        inner[node * INNER_WIDTH + 1 + way] = leaf
        inner[node * INNER_WIDTH] |= _bit(way)
    return leaf * LEAF_WIDTH


def close_level(t: Tables, leaves: vec[i64], book: i64, key: i64, level: i64) -> None:
    """Enter a level as empty, give empty nodes back and find the next best key."""
    leaf: i64 = _leaf_of(level, key)
    left: i64 = leaves[leaf] ^ _bit(key & 31)
    leaves[leaf] = left
    if left == 0:
        _give_leaf_back(t, leaves, leaf, book, key)
    books = t.books
    at: i64 = book * BOOK_WIDTH
    if key != books[at + BEST_KEY]:
        return
    # The next best level is in the same leaf, unless that is empty now.
    best: i64 = (key >> 5) * 32 + _lowest(left) if left != 0 else _first_key(t, book)
    books[at + BEST_KEY] = best
    if left != 0:
        books[at + BEST_LEVEL] = _level_in(leaf, best)
    elif best != NO_KEY:
        books[at + BEST_LEVEL] = level_at(t, book, best)


def _give_leaf_back(t: Tables, leaves: vec[i64], leaf: i64, book: i64, key: i64) -> None:
    inner = t.inner
    root: i64 = t.books[book * BOOK_WIDTH + ROOT] * INNER_WIDTH
    upper: i64 = inner[root + 1 + (key >> 15)] * INNER_WIDTH
    lower: i64 = inner[upper + 1 + ((key >> 10) & 31)] * INNER_WIDTH
    leaves[leaf + 1] = t.leaf_free
    t.leaf_free = leaf // LEAF_WIDTH
    inner[lower + 1 + ((key >> 5) & 31)] = 0
    inner[lower] ^= _bit((key >> 5) & 31)
    if inner[lower] == 0:
        _give_back(t, lower, upper, (key >> 10) & 31)
        if inner[upper] == 0:
            _give_back(t, upper, root, key >> 15)


def _give_back(t: Tables, node: i64, parent: i64, way: i64) -> None:
    inner = t.inner
    inner[node + 1] = t.inner_free
    t.inner_free = node // INNER_WIDTH
    inner[parent + 1 + way] = 0
    inner[parent] ^= _bit(way)


def _first_key(t: Tables, book: i64) -> i64:
    inner = t.inner
    at: i64 = t.books[book * BOOK_WIDTH + ROOT] * INNER_WIDTH
    if inner[at] == 0:
        return NO_KEY
    way: i64 = _lowest(inner[at])
    key: i64 = way
    at = inner[at + 1 + way] * INNER_WIDTH
    way = _lowest(inner[at])
    key = key * 32 + way
    at = inner[at + 1 + way] * INNER_WIDTH
    way = _lowest(inner[at])
    key = key * 32 + way
    return key * 32 + _lowest(t.leaves[inner[at + 1 + way] * LEAF_WIDTH])


def next_key(t: Tables, book: i64, key: i64) -> i64:
    """Return the best key above a key that has orders, or `NO_KEY`."""
    inner = t.inner
    root: i64 = t.books[book * BOOK_WIDTH + ROOT] * INNER_WIDTH
    if root == 0:
        return NO_KEY
    upper: i64 = inner[root + 1 + (key >> 15)] * INNER_WIDTH
    lower: i64 = inner[upper + 1 + ((key >> 10) & 31)] * INNER_WIDTH
    leaf: i64 = inner[lower + 1 + ((key >> 5) & 31)] * LEAF_WIDTH
    rest: i64 = _above(t.leaves[leaf], key & 31)
    if rest != 0:
        return (key >> 5) * 32 + _lowest(rest)
    rest = _above(inner[lower], (key >> 5) & 31)
    if rest == 0:
        rest = _above(inner[upper], (key >> 10) & 31)
        if rest == 0:
            rest = _above(inner[root], key >> 15)
            if rest == 0:
                return NO_KEY
            key = _lowest(rest) * 32
            upper = inner[root + 1 + _lowest(rest)] * INNER_WIDTH
            rest = inner[upper]
        else:
            key = (key >> 15) * 32
        way: i64 = _lowest(rest)
        key = (key + way) * 32
        lower = inner[upper + 1 + way] * INNER_WIDTH
        rest = inner[lower]
    else:
        key = (key >> 10) * 32
    way2: i64 = _lowest(rest)
    return (key + way2) * 32 + _lowest(t.leaves[inner[lower + 1 + way2] * LEAF_WIDTH])


def _above(bits: i64, place: i64) -> i64:
    return (bits >> (place + 1)) * _bit(place + 1)
