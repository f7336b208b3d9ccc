//! The ABI between the kernel programs and the agent.
#![no_std]
