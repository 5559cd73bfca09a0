//! Every example of `docs/manifest.md` is a manifest.

use gatewright::manifest::{self, Options};

const PAGE: &str = include_str!("../../docs/manifest.md");

fn blocks(language: &str) -> Vec<&'static str> {
    PAGE.split(&format!("```{language}\n")).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[test]
fn every_example_of_the_page_loads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gatewright.toml");
    let [tools] = blocks("yaml").try_into().unwrap();
    std::fs::write(folder.path().join("tools.yaml"), tools).unwrap();
    let examples = blocks("toml");
    assert_eq!(examples.len(), 14);
    for example in examples {
        std::fs::write(&path, example).unwrap();
        let options = Options { path: path.clone(), secrets_later: true, ..Options::default() };
        let loaded = manifest::load(&options);
        assert!(loaded.diagnostics.is_empty(), "{example}\n{:#?}", loaded.diagnostics);
        let again = manifest::expand(&loaded.stack.unwrap());
        std::fs::write(&path, &again).unwrap();
        assert!(manifest::load(&options).stack.is_some(), "{again}");
    }
}
