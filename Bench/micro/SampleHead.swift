import ApusHTTP

/// Heads as they are seen in traffic.
enum SampleHead {
    /// What a browser sends for a part of a page: ten fields.
    static let browserRequest = head([
        "GET /assets/app.5f2c9d1e.css?v=42 HTTP/1.1",
        "Host: www.example.com",
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "Accept: text/css,*/*;q=0.1",
        "Accept-Language: en-US,en;q=0.5",
        "Accept-Encoding: gzip, deflate, br, zstd",
        "Referer: https://www.example.com/articles/2025/how-it-works",
        "Connection: keep-alive",
        "Cookie: session=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b; theme=dark; consent=yes",
        "Sec-Fetch-Dest: style",
        "If-None-Match: \"5f2c9d1e-3a7b\"",
    ])

    /// What curl sends when it is told nothing but the address.
    static let curlRequest = head([
        "GET /healthz HTTP/1.1",
        "Host: localhost:8080",
        "User-Agent: curl/8.14.1",
        "Accept: */*",
    ])

    /// What a server of files answers: ten fields.
    static let fileResponse = head([
        "HTTP/1.1 200 OK",
        "Server: nginx",
        "Date: Sat, 22 Nov 2025 16:52:20 GMT",
        "Content-Type: text/css; charset=utf-8",
        "Content-Length: 14971",
        "Last-Modified: Tue, 18 Nov 2025 09:14:03 GMT",
        "Connection: keep-alive",
        "Vary: Accept-Encoding",
        "ETag: \"5f2c9d1e-3a7c\"",
        "Cache-Control: public, max-age=31536000, immutable",
        "Accept-Ranges: bytes",
    ])

    private static func head(_ lines: [String]) -> [UInt8] {
        lines.flatMap { $0.utf8 + [0x0d, 0x0a] } + [0x0d, 0x0a]
    }
}
