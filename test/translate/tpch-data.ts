// TPC-H's eight tables, filled by Postgres itself from a seed: the shape of dbgen's data, not its
// rows. Every value that a query asks for occurs.

/** Name of a table → the columns as CREATE TABLE has them; the first ones are the key. */
export const TPCH_TABLES: Readonly<Record<string, string>> = {
  region: 'r_regionkey integer, r_name varchar(25), r_comment varchar(152)',
  nation: 'n_nationkey integer, n_name varchar(25), n_regionkey integer, n_comment varchar(152)',
  supplier: `s_suppkey integer, s_name varchar(25), s_address varchar(40), s_nationkey integer,
    s_phone varchar(15), s_acctbal numeric(15,2), s_comment varchar(101)`,
  customer: `c_custkey integer, c_name varchar(25), c_address varchar(40), c_nationkey integer,
    c_phone varchar(15), c_acctbal numeric(15,2), c_mktsegment varchar(10), c_comment varchar(117)`,
  part: `p_partkey integer, p_name varchar(55), p_mfgr varchar(25), p_brand varchar(10),
    p_type varchar(25), p_size integer, p_container varchar(10), p_retailprice numeric(15,2),
    p_comment varchar(23)`,
  partsupp: `ps_partkey integer, ps_suppkey integer, ps_availqty integer,
    ps_supplycost numeric(15,2), ps_comment varchar(199)`,
  orders: `o_orderkey bigint, o_custkey integer, o_orderstatus varchar(1),
    o_totalprice numeric(15,2), o_orderdate date, o_orderpriority varchar(15), o_clerk varchar(15),
    o_shippriority integer, o_comment varchar(79)`,
  lineitem: `l_orderkey bigint, l_partkey integer, l_suppkey integer, l_linenumber integer,
    l_quantity numeric(15,2), l_extendedprice numeric(15,2), l_discount numeric(15,2),
    l_tax numeric(15,2), l_returnflag varchar(1), l_linestatus varchar(1), l_shipdate date,
    l_commitdate date, l_receiptdate date, l_shipinstruct varchar(25), l_shipmode varchar(10),
    l_comment varchar(44)`
}

const array = (items: string): string =>
  `ARRAY[${items
    .split(',')
    .map((item) => `'${item.trim()}'`)
    .join(', ')}]`

const pick = (items: string): string => {
  const count = items.split(',').length
  return `(${array(items)})[1 + floor(random() * ${count})::int]`
}
const int = (from: number, to: number | string): string =>
  `(${from} + floor(random() * (${to} - ${from} + 1))::int)`
const money = (from: number, to: number): string =>
  `round((${from} + random() * ${to - from})::numeric, 2)`

const REGIONS = 'AFRICA, AMERICA, ASIA, EUROPE, MIDDLE EAST'
const NATIONS =
  'ALGERIA, ARGENTINA, BRAZIL, CANADA, EGYPT, ETHIOPIA, FRANCE, GERMANY, INDIA, INDONESIA, IRAN, ' +
  'IRAQ, JAPAN, JORDAN, KENYA, MOROCCO, MOZAMBIQUE, PERU, CHINA, ROMANIA, SAUDI ARABIA, VIETNAM, ' +
  'RUSSIA, UNITED KINGDOM, UNITED STATES'
const REGION_OF = 'ARRAY[0,1,1,1,4,0,3,3,2,2,4,4,2,4,0,0,0,1,2,3,4,2,3,3,1]'
const COLOURS = 'almond, antique, forest, green, navy, peach, salmon, steel, thistle, yellow'
const WORDS = 'carefully, quickly, special, requests, packages, deposits, accounts, ideas, foxes'

const words = (count: number): string =>
  Array.from({ length: count }, () => pick(WORDS)).join(" || ' ' || ")
const phone = (nation: string): string =>
  `(10 + ${nation})::text || '-' || ${int(100, 999)} || '-' || ${int(100, 999)} || '-' || ${int(1000, 9999)}`

/** SQL that fills the tables; `scale` as TPC-H counts it: 1 is 6 M line items. */
export function tpchFill(scale: number): readonly string[] {
  const many = (count: number): number => Math.max(10, Math.round(count * scale))
  const [suppliers, customers, parts, orders] = [10_000, 150_000, 200_000, 1_500_000].map(many)
  const brand = `'Brand#' || ${int(1, 5)} || ${int(1, 5)}`
  const type = `${pick('STANDARD, SMALL, MEDIUM, LARGE, ECONOMY, PROMO')} || ' ' ||
    ${pick('ANODIZED, BURNISHED, PLATED, POLISHED, BRUSHED')} || ' ' ||
    ${pick('TIN, NICKEL, BRASS, STEEL, COPPER')}`
  const container = `${pick('SM, LG, MED, JUMBO, WRAP')} || ' ' || ${pick('CASE, BOX, BAG, PKG, PACK')}`
  return [
    'SELECT setseed(0.42)',
    `INSERT INTO region SELECT i, (${array(REGIONS)})[i + 1], '' FROM generate_series(0, 4) i`,
    `INSERT INTO nation SELECT i, (${array(NATIONS)})[i + 1], (${REGION_OF})[i + 1], ''
     FROM generate_series(0, 24) i`,
    `INSERT INTO supplier SELECT i, 'Supplier#' || lpad(i::text, 9, '0'), 'street ' || i, n,
       ${phone('n')}, ${money(-999, 9999)},
       CASE WHEN i % 17 = 0 THEN 'slow Customer heavy Complaints' ELSE ${words(3)} END
     FROM (SELECT i, ${int(0, 24)} AS n FROM generate_series(1, ${suppliers}) i) q`,
    `INSERT INTO customer SELECT i, 'Customer#' || lpad(i::text, 9, '0'), 'road ' || i, n,
       ${phone('n')}, ${money(-999, 9999)},
       ${pick('AUTOMOBILE, BUILDING, FURNITURE, HOUSEHOLD, MACHINERY')}, ${words(4)}
     FROM (SELECT i, ${int(0, 24)} AS n FROM generate_series(1, ${customers}) i) q`,
    `INSERT INTO part SELECT i, ${pick(COLOURS)} || ' ' || ${pick(COLOURS)},
       'Manufacturer#' || ${int(1, 5)}, ${brand}, ${type}, ${int(1, 50)}, ${container},
       ${money(900, 2000)}, ${words(2)}
     FROM generate_series(1, ${parts}) i`,
    `INSERT INTO partsupp SELECT p_partkey, 1 + (p_partkey + k * 7) % ${suppliers},
       ${int(1, 9999)}, ${money(1, 1000)}, ${words(5)}
     FROM part, generate_series(0, 3) k`,
    `INSERT INTO orders SELECT i * 4, c, 'O', 0, date '1992-01-01' + ${int(0, 2405)},
       ${pick('1-URGENT, 2-HIGH, 3-MEDIUM, 4-NOT SPECIFIED, 5-LOW')}, 'Clerk#' || ${int(1, 999)},
       0, ${words(5)}
     FROM (SELECT i, 1 + 3 * (floor(random() * ${customers} / 3)::int) AS c
           FROM generate_series(1, ${orders}) i) q`,
    `INSERT INTO lineitem SELECT o_orderkey, p, 1 + (p + (k % 4) * 7) % ${suppliers}, k, quantity,
       round(quantity * ${money(900, 2000)}, 2), ${int(0, 10)} / 100.0, ${int(0, 8)} / 100.0,
       CASE WHEN receipt <= date '1995-06-17' THEN ${pick('R, A')} ELSE 'N' END,
       CASE WHEN ship > date '1995-06-17' THEN 'O' ELSE 'F' END, ship,
       o_orderdate + ${int(30, 90)}, receipt,
       ${pick('DELIVER IN PERSON, COLLECT COD, NONE, TAKE BACK RETURN')},
       ${pick('REG AIR, AIR, RAIL, SHIP, TRUCK, MAIL, FOB')}, ${words(3)}
     FROM (SELECT *, ship + ${int(1, 30)} AS receipt
           FROM (SELECT o_orderkey, o_orderdate, k, ${int(1, parts ?? 1)} AS p,
                   ${int(1, 50)} AS quantity, o_orderdate + ${int(1, 121)} AS ship
                 FROM orders, LATERAL generate_series(1, 1 + (o_orderkey / 4 % 7)::int) k) r) q`,
    `UPDATE orders SET o_totalprice = total, o_orderstatus = status
     FROM (SELECT l_orderkey, sum(l_extendedprice) AS total,
             CASE WHEN min(l_linestatus) = max(l_linestatus) THEN min(l_linestatus)
                  ELSE 'P' END AS status
           FROM lineitem GROUP BY l_orderkey) q WHERE l_orderkey = o_orderkey`,
    'CREATE INDEX ON lineitem (l_orderkey)',
    'CREATE INDEX ON lineitem (l_partkey, l_suppkey)',
    'CREATE INDEX ON partsupp (ps_partkey)',
    'CREATE INDEX ON orders (o_custkey)',
    'CREATE INDEX ON orders (o_orderkey)',
    'CREATE INDEX ON part (p_partkey)',
    'ANALYZE'
  ]
}
