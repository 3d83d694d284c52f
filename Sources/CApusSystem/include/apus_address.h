#pragma once

#include <stdint.h>

// An IP address as 128 bits in host order (IPv4 in its mapped form) and a port.
struct apus_address {
    uint64_t high;
    uint64_t low;
    uint16_t port;
};
