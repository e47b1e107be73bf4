//! Every order.
