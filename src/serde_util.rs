//! Conditions for fields that are left out of a file, because nothing would be lost.

/// True if a value is what a reader takes where there is none; for serde's `skip_serializing_if`.
pub fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
