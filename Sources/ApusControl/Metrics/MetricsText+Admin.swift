extension AdminConnectionFacts {
    func write(to writer: inout ExpositionWriter) {
        writer.family("apus_admin_connections", .gauge, "Connections to the admin server, all its listeners together.")
        writer.sample([:], UInt64(open))
        writer.family("apus_admin_connections_limit", .gauge, "How many connections to the admin server there may be.")
        writer.sample([:], UInt64(limit))
        writer.family("apus_admin_accepted_connections_total", .counter, "Connections to the admin server.")
        writer.sample([:], accepted)
        writer.family(
            "apus_admin_closed_connections_total", .counter,
            "Connections to the admin server that Apus closed because there were too many: `idle`, to make way for others; "
                + "`refused`, since all others were busy.")
        writer.sample(["cause": "idle"], evicted)
        writer.sample(["cause": "refused"], refused)
        writer.family(
            "apus_admin_tls_handshakes_total", .counter,
            "TLS handshakes with the admin server, by outcome: full, or failed.")
        writer.sample(["outcome": "full"], handshakes)
        writer.sample(["outcome": "failed"], failedHandshakes)
    }
}
