pub fn expand(_: &crate::stack::Stack) -> String {
    String::new()
}
