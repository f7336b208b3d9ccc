//! The paths that a file spells out beside its imports: `super::failed("…")`, `decode::record(…)`.
//!
//! What stands inside the call of a macro is not seen: it is no syntax before the macro is expanded.

use syn::visit::{self, Visit};
use syn::{Attribute, File, ImplItemFn, ItemFn, ItemImpl, ItemMod, ItemUse, Path, Visibility};

/// Every path of two words or more. Tests are left out, and modules inside the file: their paths begin elsewhere.
pub(super) fn spelled_out(file: &File) -> Vec<Vec<String>> {
    let mut found = Found::default();
    found.visit_file(file);
    found.0
}

/// Whether this is built for tests only, or for them and the fuzzer.
pub(super) fn is_for_tests(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|attr| {
        attr.path().is_ident("cfg")
            && attr.meta.require_list().is_ok_and(|condition| {
                let words = condition.tokens.to_string().replace(' ', "");
                ["test", "any(test,fuzzing)"].contains(&words.as_str())
            })
    })
}

#[derive(Default)]
struct Found(Vec<Vec<String>>);

impl<'ast> Visit<'ast> for Found {
    fn visit_path(&mut self, path: &'ast Path) {
        if path.leading_colon.is_none() && path.segments.len() > 1 {
            let words = path.segments.iter().map(|word| word.ident.to_string());
            self.0.push(words.collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        if !is_for_tests(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_impl(self, item);
        }
    }

    fn visit_item_use(&mut self, _: &'ast ItemUse) {}

    fn visit_item_mod(&mut self, _: &'ast ItemMod) {}

    /// `pub(in crate::kernel)` says who may import, and imports nothing.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_attribute(&mut self, _: &'ast Attribute) {}
}
