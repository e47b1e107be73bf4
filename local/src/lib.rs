//! What surrounds the function in AWS, on loopback.
