//! Profiles: whether the one that was asked for stands in the files that every AWS tool shares. The SDK says less when it does not.

use std::ffi::OsString;
use std::path::PathBuf;

/// The profile that was asked for, and the files that were looked at, if none of them defines it. Keys in the environment come
/// before a profile that is named there, so it need not exist then.
pub(crate) fn missing(asked: Option<&str>) -> Option<(String, String)> {
    let variable = |name| std::env::var_os(name).filter(|value: &OsString| !value.is_empty());
    let named = || variable("AWS_PROFILE").filter(|_| variable("AWS_ACCESS_KEY_ID").is_none())?.into_string().ok();
    let profile = asked.map(ToOwned::to_owned).or_else(named)?;
    let home = variable("HOME").or_else(|| variable("USERPROFILE")).map(PathBuf::from).unwrap_or_default();
    let file = |name, usual| variable(name).map_or_else(|| home.join(".aws").join(usual), PathBuf::from);
    let files = [file("AWS_CONFIG_FILE", "config"), file("AWS_SHARED_CREDENTIALS_FILE", "credentials")];
    let defined = files.iter().any(|file| std::fs::read_to_string(file).is_ok_and(|text| defines(&text, &profile)));
    let [config, credentials] = files;
    (!defined).then(|| (profile, format!("{} nor {}", config.display(), credentials.display())))
}

/// A file has a section of this profile: `[name]`, or `[profile name]`.
fn defines(text: &str, profile: &str) -> bool {
    let sections = text.lines().filter_map(|line| line.trim().strip_prefix('[')?.split(']').next());
    sections.map(str::trim).any(|section| {
        let named = section.strip_prefix("profile").filter(|rest| rest.starts_with(char::is_whitespace));
        named.map_or(section, str::trim) == profile
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_a_section_of_either_file() {
        let text = "[default]\nregion = us-east-1\n[profile  dev ]\n# [profile old]\n[prod]\n";
        for (profile, wanted) in [("default", true), ("dev", true), ("prod", true), ("old", false), ("pro", false)] {
            assert_eq!(defines(text, profile), wanted, "{profile}");
        }
    }
}
