#include "options.h"

#include "wire.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void refuse(const char *what) {
    fprintf(stderr, "load: %s\n", what);
    exit(2);
}

static const struct option names[] = {
    {"port", required_argument, NULL, 'p'},
    {"path", required_argument, NULL, 'P'},
    {"length", required_argument, NULL, 'l'},
    {"connections", required_argument, NULL, 'c'},
    {"upload", required_argument, NULL, 'u'},
    {"chunked-upload", no_argument, NULL, 'U'},
    {"expect-chunked", no_argument, NULL, 'e'},
    {"one-per-connection", no_argument, NULL, 'o'},
    {"silent-close", no_argument, NULL, 'O'},
    {"rate", required_argument, NULL, 'r'},
    {"warmup", required_argument, NULL, 'w'},
    {"seconds", required_argument, NULL, 's'},
    {"timeout", required_argument, NULL, 't'},
    {"idle", no_argument, NULL, 'i'},
    {"timeline", no_argument, NULL, 'T'},
    {"tls", required_argument, NULL, 'v'},
    {"tls-key", required_argument, NULL, 'k'},
    {"tls-resume", no_argument, NULL, 'R'},
    {0},
};

static int tls_version(const char *name) {
    if (strcmp(name, "1.2") == 0) return tls_1_2;
    if (strcmp(name, "1.3") == 0) return tls_1_3;
    refuse("--tls must be 1.2 or 1.3");
}

struct options options_read(int count, char **arguments) {
    struct options o = {
        .path = "/small", .length = small_length, .connections = 64, .warmup = 1, .seconds = 5, .timeout = 10};
    for (int name; (name = getopt_long(count, arguments, "", names, NULL)) != -1;) {
        switch (name) {
        case 'p': o.port = (uint16_t)atoi(optarg); break;
        case 'P': o.path = optarg; break;
        case 'l': o.length = strtoull(optarg, NULL, 10); break;
        case 'c': o.connections = (uint32_t)atoi(optarg); break;
        case 'u': o.upload = strtoull(optarg, NULL, 10); break;
        case 'U': o.chunked_upload = true; break;
        case 'e': o.expect_chunked = true; break;
        case 'o': o.one_per_connection = true; break;
        case 'O': o.silent_close = true; break;
        case 'r': o.rate = atof(optarg); break;
        case 'w': o.warmup = atof(optarg); break;
        case 's': o.seconds = atof(optarg); break;
        case 't': o.timeout = atof(optarg); break;
        case 'i': o.idle = true; break;
        case 'T': o.timeline = true; break;
        case 'v': o.tls.version = tls_version(optarg); break;
        case 'k': o.tls.is_rsa = strcmp(optarg, "rsa") == 0; break;
        case 'R': o.tls.resumes = true; break;
        default: exit(2);
        }
    }
    if (o.port == 0) refuse("--port is missing: where does the proxy listen?");
    if (o.connections == 0 || o.connections > 20000) refuse("--connections must be 1 to 20000");
    if (o.upload > largest_body) refuse("--upload is too large");
    if (o.tls.resumes && o.tls.version == tls_off) refuse("--tls-resume takes --tls");
    if (o.rate < 0 || o.rate > 1e6) refuse("--rate must be 0 to 1000000");
    bool within_an_hour = o.warmup >= 0 && o.seconds > 0 && o.warmup + o.seconds <= 3500;
    if (!within_an_hour) refuse("--warmup and --seconds must be within an hour");
    return o;
}
