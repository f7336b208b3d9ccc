//! What waits.

/// Something to be sent, whole.
pub trait Parcel: Send + Sync + 'static {
    /// What it costs to keep it, bytes.
    fn bytes(&self) -> usize;

    /// Whether one that still waits need not be sent any more once there is this one.
    fn replaces(&self, waiting: &Self) -> bool {
        let _: &Self = waiting;
        false
    }
}
