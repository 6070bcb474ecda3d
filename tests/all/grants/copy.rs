//! `COPY table`: what the rules over the catalogs say of it is what happens when rows really come.

use gonogo::grants::replay::Class;

use super::replay::{corpus_cluster, of, session, statement, tried};

/// A statement of `app`, a row for it, and what has to come of it.
struct Case(&'static str, &'static str, Class);

/// Tables whose defaults need a right that `app` lacks, and views with and without a way in.
const MORE: &str = "set role own; \
    create table shop.fees (v text, fee numeric default shop.secret_fee(1)); \
    create domain shop.numbered as bigint default nextval('shop.seq_no'); \
    create table shop.domained (id shop.numbered, v text); \
    create view shop.v_way_in as select v from shop.fees; \
    create trigger way_in instead of insert on shop.v_way_in for each row execute function shop.note(); \
    create view shop.v_no_way_in as select count(*) as n from shop.fees; \
    create table shop.ruled (v text); \
    create rule never as on insert to shop.ruled do instead nothing; \
    grant select, insert on shop.fees, shop.domained, shop.v_way_in, shop.v_no_way_in, shop.ruled to app; \
    grant select on shop.numbers to app";

const CASES: &[Case] = &[
    Case("copy shop.uses_no (v) from stdin", "x", Class::Denied),
    Case("copy shop.uses_no from stdin", "1\tx", Class::Permitted),
    Case("copy shop.uses_no (v, id) from stdin", "x\t1", Class::Permitted),
    Case("copy shop.uses_hidden (v) from stdin", "x", Class::Denied),
    Case("copy shop.orders (customer_id, total) from stdin", "1\t5", Class::Permitted),
    Case("copy shop.items (order_id, sku, qty) from stdin", "1\tx\t1", Class::Permitted),
    Case("copy shop.skus from stdin", "x", Class::Denied),
    Case("copy shop.normed from stdin", "x\ty", Class::Denied),
    Case("copy shop.doubled (a, c) from stdin", "1\t1", Class::Denied),
    Case("copy shop.whens from stdin", "1", Class::Denied),
    Case("copy shop.fees (v) from stdin", "x", Class::Denied),
    Case("copy shop.fees (v, fee) from stdin", "x\t1", Class::Permitted),
    Case("copy shop.domained (v) from stdin", "x", Class::Denied),
    Case("copy shop.domained from stdin", "1\tx", Class::Permitted),
    Case("copy shop.children (id, parent_id) from stdin", "9\t1", Class::Denied),
    Case("copy shop.children (id, v) from stdin", "9\tx", Class::Permitted),
    Case("copy shop.events from stdin", "2026-05-05\tx", Class::Permitted),
    Case("copy shop.ruled from stdin", "x", Class::Permitted),
    Case("copy shop.v_no_way_in from stdin", "1", Class::Broken),
    Case("copy shop.v_orders to stdout", "", Class::Broken),
    Case("copy shop.events to stdout", "", Class::Broken),
    Case("copy shop.numbers to stdout", "", Class::Permitted),
    Case("copy shop.triggered from stdin", "1", Class::NotProvable),
    Case("copy shop.v_way_in from stdin", "x", Class::NotProvable),
    Case("copy shop.customers from stdin where id > abs(-5)", "7\tx\t\\N\tf", Class::NotProvable),
];

#[tokio::test(flavor = "multi_thread")]
async fn copy_asks_for_what_an_insert_asks_for() {
    let Some(cluster) = corpus_cluster(None) else { return };
    cluster.sql("shop", MORE);
    cluster.sql("copy", MORE);
    let statements = CASES.iter().map(|Case(sql, ..)| statement("app", sql)).collect();
    let relations =
        cluster.sql("shop", "select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = relnamespace where c.oid >= 16384");
    let tables: Vec<(&str, &str)> = relations.lines().filter_map(|line| line.split_once('.')).collect();
    let auditor = session(&cluster, "shop", "auditor", "auditor-secret").await;
    let report = tried(auditor, &tables, statements, false).await;
    let mut mistakes = Vec::new();
    for Case(sql, row, class) in CASES {
        let found = of(&report, "app", sql);
        let script =
            format!("\\set VERBOSITY sqlstate\nbegin;\nset local role app;\n{sql};\n{row}\n\\.\nrollback;\n");
        let said = cluster.restore("copy", &script);
        let really = said.lines().find_map(|line| line.split_once("ERROR:").map(|(_, state)| state.trim()));
        let agrees = match found.class {
            Class::Permitted => really.is_none() || row.is_empty() && really == Some("42601"),
            Class::Denied | Class::Broken => really == found.sqlstate.as_deref(),
            Class::NotProvable => true,
            Class::Elsewhere => false,
        };
        if found.class != *class || !agrees {
            mistakes.push(format!("{sql}: really {really:?}, found {found:?}"));
        }
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
    let used = report
        .used
        .iter()
        .any(|usage| usage.relation == "shop.domained" && usage.privileges.to_string().contains("INSERT"));
    assert!(used, "a COPY counts as use: {:?}", report.used);
}
