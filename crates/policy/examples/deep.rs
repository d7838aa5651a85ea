#![allow(missing_docs)]
use casemate_policy::CompiledSet;
fn main() {
    let kind = std::env::args().nth(1).unwrap_or_default();
    let n: usize = std::env::args()
        .nth(2)
        .and_then(|n| n.parse().ok())
        .unwrap_or(10);
    let body = match kind.as_str() {
        "paren" => format!("{}true{}", "(".repeat(n), ")".repeat(n)),
        "set" => format!("{}1{} == 1", "[".repeat(n), "]".repeat(n)),
        "rec" => format!("{}1{} == 1", "{a:".repeat(n), "}".repeat(n)),
        "if" => format!(
            "{}true{}",
            "if true then ".repeat(n),
            " else true".repeat(n)
        ),
        "and" => "true && ".repeat(n) + "true",
        "andr" => format!("{}true{}", "true && (".repeat(n), ")".repeat(n)),
        "plus" => "1 + ".repeat(n) + "1 > 0",
        "has" => format!("context has {}b", "a.".repeat(n)),
        "dot" => format!("context{}", ".risk".repeat(n)),
        "contains" => format!("context.blocked{}", ".contains(\"a\")".repeat(n)),
        "open" => "(".repeat(n),
        _ => "true".into(),
    };
    let text = format!("@id(\"a\") permit(principal, action, resource) when {{ {body} }};");
    let t = std::time::Instant::now();
    let r = std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(move || {
            CompiledSet::parse(&text)
                .map(drop)
                .map_err(|e| e.to_string().chars().take(150).collect::<String>())
        })
        .unwrap()
        .join();
    println!("{kind} {n}: {:?} {:?}", r, t.elapsed());
}
