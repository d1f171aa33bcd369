#pragma once

#include <sentinel/procfs/net_tcp.hpp>
#include <sentinel/result.hpp>

/// Counts the TCP sockets of the caller's network namespace by state, IPv4 and IPv6 together, over netlink
/// (sock_diag(7)): the same sockets as /proc/net/tcp and tcp6, without a line of text for each. Needs no privilege.
/// Allocates nothing. Any thread. Errors: unsupported (no tcp_diag in this kernel, a sandbox forbids it), failed.
sentinel::Result<sentinel::procfs::TcpStateCounts> count_tcp_states_by_netlink();
