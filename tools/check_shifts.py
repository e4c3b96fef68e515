"""Forbid left shifts of constants in the compiled engine.

mypyc 2.4.1 writes a small constant into its C as a plain `1`, so C shifts 32 bits where an i64 was meant: the result is
wrong from bit 31 upwards, and nothing warns. It does so for literals (`1 << n`), for `Final` names, for `i64(1) << n`,
and for a local that is assigned a constant once (`one: i64 = 1; one << n`), whose value it carries to the shift.
A shift of a parameter is right: `def shift_left(value: i64, count: i64) -> i64: return value << count`.
"""

import ast
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

CHECKED = (Path("src/waiver_exchange/engine"), Path("src/waiver_exchange/projections"))
INTEGER_TYPES = frozenset({"int", "i64", "i32", "i16", "u8"})

# What a name is bound to in a scope: an expression, or None where that is more than one or not an expression.
Bindings = Mapping[str, ast.expr | None]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def main(arguments: list[str]) -> int:
    """Check the files and folders named, by default the engine; return 1 if a shift is forbidden."""
    roots = [Path(argument) for argument in arguments] or CHECKED
    files = [path for root in roots for path in ([root] if root.is_file() else sorted(root.rglob("*.py")))]
    findings = [f"{path}:{line}" for path in files for line in find_forbidden_shifts(path.read_text(encoding="utf-8"))]
    for finding in findings:
        print(f"{finding}: left shift of a constant, 32 bits wide in mypyc; shift a parameter instead")
    return 1 if findings else 0


def find_forbidden_shifts(source: str) -> Iterator[int]:
    """Yield the line of every left shift whose left operand mypyc may take for a constant."""
    yield from _find_in_scope(ast.parse(source), {})


def _find_in_scope(scope: ast.AST, outer: Bindings) -> Iterator[int]:
    bindings = {**outer, **_bindings_of(scope)}
    for node in _nodes_of(scope):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.LShift) and _is_constant(node.left, bindings):
            yield node.lineno
        elif isinstance(node, Function):
            yield from _find_in_scope(node, bindings)


def _nodes_of(scope: ast.AST) -> Iterator[ast.AST]:
    """All nodes of a scope, the functions in it included but not entered."""
    for child in ast.iter_child_nodes(scope):
        yield child
        if not isinstance(child, Function):
            yield from _nodes_of(child)


def _bindings_of(scope: ast.AST) -> dict[str, ast.expr | None]:
    nodes = list(_nodes_of(scope))
    values: dict[str, ast.expr] = {}
    for node in nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                values[name] = value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                values[name] = value
    # Every way of binding a name stores it; `x += 1` and `for x in` do so without a value to carry on.
    stored = Counter(node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    parameters = {node.arg for node in nodes if isinstance(node, ast.arg)}
    return {
        name: values.get(name) if stored[name] == 1 and name not in parameters else None
        for name in parameters | set(stored)
    }


def _is_constant(operand: ast.expr, bindings: Bindings) -> bool:
    match operand:
        case ast.Constant(value=int()):
            return True
        case ast.UnaryOp(operand=inner):
            return _is_constant(inner, bindings)
        case ast.BinOp(left=left, right=right):
            return _is_constant(left, bindings) and _is_constant(right, bindings)
        case ast.Call(func=ast.Name(id=name), args=[inner]) if name in INTEGER_TYPES:
            return _is_constant(inner, bindings)
        case ast.Attribute(attr=name):
            return name.isupper()
        case ast.Name(id=name) if name in bindings:
            value = bindings[name]
            return value is not None and _is_constant(value, bindings)
        case ast.Name(id=name):
            return name.isupper()
        case _:
            return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
