//! `docs/shared-pool.md` is run, against a stand-in that is another process.

use crate::command::Terminal;
use crate::readme::is_what_happens;
use crate::served::Served;

const PAGE: &str = include_str!("../../../docs/shared-pool.md");

#[test]
fn what_the_page_shows_is_what_happens() {
    let terminal = Terminal::new();
    for manifest in PAGE.split("```toml\n# ").skip(1).map(|rest| rest.split("```").next().unwrap()) {
        let (file, text) = manifest.split_once('\n').unwrap();
        std::fs::write(terminal.folder.path().join(file), text).unwrap();
    }
    let served = Served::start(&terminal, &[]);
    let environment = [
        ("AWS_ENDPOINT_URL", served.url.as_str()),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
    ];
    is_what_happens(PAGE, &terminal, &environment);
    let (_, state) = served.ask("GET", "/_localstack/state", "", "");
    assert_eq!(state.trim(), r#"{"objects":[]}"#, "nothing remains");
}
