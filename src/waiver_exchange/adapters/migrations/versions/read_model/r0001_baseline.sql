-- The tables of adapters/sql/read_model_schema.py, column by column; a test compares them.

CREATE TABLE exchange (
    id bigint NOT NULL,
    sequence bigint NOT NULL,
    time_ns bigint NOT NULL,
    is_halted boolean NOT NULL,
    cash_issued_micros bigint NOT NULL,
    maker_fee_bps bigint NOT NULL,
    taker_fee_bps bigint NOT NULL,
    collar_bps bigint NOT NULL,
    band_bps bigint NOT NULL,
    breaker_bps bigint NOT NULL,
    breaker_window_ns bigint NOT NULL,
    breaker_halt_ns bigint NOT NULL,
    order_value_micros_max bigint NOT NULL,
    position_units_max bigint NOT NULL,
    open_orders_max bigint NOT NULL,
    orders_per_second_max bigint NOT NULL,
    lifetime_ns_default bigint NOT NULL,
    lifetime_ns_max bigint NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE accounts (
    account bigint NOT NULL,
    cash_micros bigint NOT NULL,
    held_micros bigint NOT NULL,
    is_halted boolean NOT NULL,
    opened_at_ns bigint NOT NULL,
    role bigint NOT NULL,
    PRIMARY KEY (account)
);

CREATE TABLE limits (
    scope bigint NOT NULL,
    number bigint NOT NULL,
    order_value_micros_max bigint NOT NULL,
    position_units_max bigint NOT NULL,
    supply_share_bps_max bigint NOT NULL,
    open_orders_max bigint NOT NULL,
    orders_per_second bigint NOT NULL,
    orders_burst bigint NOT NULL,
    day_loss_micros_max bigint NOT NULL,
    day_turnover_micros_max bigint NOT NULL,
    team_bps_max bigint NOT NULL,
    playing_position_bps_max bigint NOT NULL,
    PRIMARY KEY (scope, number)
);

CREATE TABLE holdings (
    account integer NOT NULL,
    market integer NOT NULL,
    quantity_units bigint NOT NULL,
    held_units bigint NOT NULL,
    cost_micros bigint NOT NULL,
    realized_micros bigint NOT NULL,
    PRIMARY KEY (account, market)
);

CREATE TABLE markets (
    market bigint NOT NULL,
    symbol text NOT NULL,
    name text NOT NULL,
    team text NOT NULL,
    position text NOT NULL,
    bye_week bigint NOT NULL,
    projected_points text NOT NULL,
    supply_units bigint NOT NULL,
    reference_price_cents bigint NOT NULL,
    last_price_cents bigint NOT NULL,
    last_trade_at_ns bigint NOT NULL,
    halt_cause bigint NOT NULL,
    halted_until_ns bigint NOT NULL,
    volume_units bigint NOT NULL,
    trade_count bigint NOT NULL,
    listed_at_ns bigint NOT NULL,
    listed_price_cents bigint NOT NULL,
    band_bps bigint NOT NULL,
    team_number bigint NOT NULL,
    position_number bigint NOT NULL,
    settled_price_cents bigint NOT NULL,
    book_sequence bigint NOT NULL,
    book_changed_at_ns bigint NOT NULL,
    quoted_bid_cents bigint NOT NULL,
    quoted_bid_units bigint NOT NULL,
    quoted_ask_cents bigint NOT NULL,
    quoted_ask_units bigint NOT NULL,
    PRIMARY KEY (market)
);

CREATE TABLE orders (
    order_id bigint NOT NULL,
    account integer NOT NULL,
    market integer NOT NULL,
    terms bigint NOT NULL,
    given_client_order_id text NOT NULL,
    quantity_units bigint NOT NULL,
    notional_micros bigint NOT NULL,
    limit_price_cents bigint NOT NULL,
    expires_at_ns bigint NOT NULL,
    created_at_ns bigint NOT NULL,
    updated_at_ns bigint NOT NULL,
    status text NOT NULL,
    reason text NOT NULL,
    filled_quantity_units bigint NOT NULL,
    filled_value_micros bigint NOT NULL,
    fee_micros bigint NOT NULL,
    stop_price_cents bigint NOT NULL,
    triggered_at_ns bigint NOT NULL,
    replaces bigint NOT NULL,
    replaced_by bigint NOT NULL,
    PRIMARY KEY (order_id)
);

CREATE INDEX orders_by_account ON orders (account, order_id);

CREATE INDEX orders_by_account_and_market ON orders (account, market, order_id);

CREATE INDEX orders_open ON orders (order_id) WHERE status IN ('held', 'open', 'partially_filled');

CREATE TABLE trades (
    trade_id bigint NOT NULL,
    sequence bigint NOT NULL,
    time_ns bigint NOT NULL,
    market integer NOT NULL,
    price_cents integer NOT NULL,
    quantity_units bigint NOT NULL,
    taker_side integer NOT NULL,
    maker_order bigint NOT NULL,
    taker_order bigint NOT NULL,
    maker_account integer NOT NULL,
    taker_account integer NOT NULL,
    maker_fee_micros bigint NOT NULL,
    taker_fee_micros bigint NOT NULL,
    maker_filled_units bigint NOT NULL,
    taker_filled_units bigint NOT NULL,
    PRIMARY KEY (trade_id)
);

CREATE INDEX trades_by_maker_order ON trades (maker_order, trade_id);

CREATE INDEX trades_by_market ON trades (market, trade_id);

CREATE INDEX trades_by_taker_order ON trades (taker_order, trade_id);

CREATE TABLE busts (
    trade_id bigint NOT NULL,
    sequence bigint NOT NULL,
    time_ns bigint NOT NULL,
    PRIMARY KEY (trade_id)
);

CREATE TABLE movements (
    sequence bigint NOT NULL,
    line integer NOT NULL,
    time_ns bigint NOT NULL,
    kind text NOT NULL,
    market integer NOT NULL,
    amount bigint NOT NULL,
    from_account integer NOT NULL,
    from_balance bigint NOT NULL,
    to_account integer NOT NULL,
    to_balance bigint NOT NULL,
    trade_id bigint NOT NULL,
    reference text NOT NULL,
    price_cents bigint NOT NULL,
    PRIMARY KEY (sequence, line)
);

CREATE INDEX movements_from ON movements (from_account, market, time_ns);

CREATE INDEX movements_from_rare ON movements (from_account, kind, time_ns) WHERE kind <> 'trade';

CREATE INDEX movements_to ON movements (to_account, market, time_ns);

CREATE INDEX movements_to_rare ON movements (to_account, kind, time_ns) WHERE kind <> 'trade';

-- Pages of a ledger are found in the indexes alone, which works where the server has noted that all see a page: it looks
-- at new pages every 100,000 rows, and not only when a fifth of the table is new.
ALTER TABLE movements SET (autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000);

CREATE TABLE candles (
    minutes integer NOT NULL,
    market integer NOT NULL,
    time_ns bigint NOT NULL,
    open_cents bigint NOT NULL,
    high_cents bigint NOT NULL,
    low_cents bigint NOT NULL,
    close_cents bigint NOT NULL,
    volume_units bigint NOT NULL,
    value_micros bigint NOT NULL,
    trades bigint NOT NULL,
    PRIMARY KEY (minutes, market, time_ns)
);

CREATE TABLE actions (
    sequence bigint NOT NULL,
    action_id text NOT NULL,
    name text NOT NULL,
    actor bigint NOT NULL,
    account bigint NOT NULL,
    parameters text NOT NULL,
    reason text NOT NULL,
    status text NOT NULL,
    requested_at_ns bigint NOT NULL,
    decided_by bigint NOT NULL,
    decided_at_ns bigint NOT NULL,
    decision_reason text NOT NULL,
    done_by bigint NOT NULL,
    done_at_ns bigint NOT NULL,
    outcome text NOT NULL,
    facts text NOT NULL,
    PRIMARY KEY (sequence)
);

CREATE UNIQUE INDEX actions_by_id ON actions (action_id);

CREATE INDEX actions_open ON actions (sequence) WHERE status IN ('proposed', 'requested', 'approved');

CREATE TABLE audit (
    sequence bigint NOT NULL,
    time_ns bigint NOT NULL,
    event bigint NOT NULL,
    account bigint NOT NULL,
    actor bigint NOT NULL,
    facts text NOT NULL,
    PRIMARY KEY (sequence)
);

CREATE INDEX audit_by_account ON audit (account);

CREATE INDEX audit_by_actor ON audit (actor);

CREATE INDEX audit_by_event ON audit (event);

CREATE INDEX audit_by_time ON audit (time_ns);

CREATE TABLE quotes (
    market integer NOT NULL,
    time_ns bigint NOT NULL,
    bid_cents bigint NOT NULL,
    bid_units bigint NOT NULL,
    ask_cents bigint NOT NULL,
    ask_units bigint NOT NULL,
    PRIMARY KEY (market, time_ns)
);

-- Which version of the program filled the tables: one row, or none before the first start. One that does not match its
-- own empties them and folds the journal into them again.
CREATE TABLE content (
    id integer PRIMARY KEY CHECK (id = 1),
    version integer NOT NULL
);
