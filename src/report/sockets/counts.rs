//! How many sockets in each state.
