// `zcv convert` as a user meets it: the built program, its streams and its exit status.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "model/outcome.hpp"
#include "tests/trace_builder.hpp"
#include "traces/zct_format.hpp"

using namespace zcv;
using namespace zcv::test;
using nlohmann::json;

namespace {

struct Run {
    int status = -1;  // exit status, or -1 for a signal
    std::string out;
    std::string err;
};

std::string text_of(const std::string& path) {
    const auto bytes = bytes_of(path);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The rest of a shell command behind the program's name.
Run zcv_run(const std::string& rest) {
    const TempDir dir;
    const std::string command = std::string("exec ") + ZCV_PROGRAM + " " + rest;
    const std::string redirected =
        "{ " + command + "; } >" + (dir / "out") + " 2>" + (dir / "err") + " </dev/null";
    const int ended = std::system(("( " + redirected + " )").c_str());
    Run run;
    if (WIFEXITED(ended)) run.status = WEXITSTATUS(ended);
    run.out = text_of(dir / "out");
    run.err = text_of(dir / "err");
    return run;
}

std::vector<json> lines_of(const std::string& text) {
    std::vector<json> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(json::parse(line));
    return lines;
}

// One line that starts as promised, and nothing on the standard output.
void check_refused(const Run& run, int status, const std::string& part) {
    INFO("stderr: " << run.err);
    CHECK(run.status == status);
    CHECK(run.out.empty());
    CHECK(run.err.starts_with("zcv: "));
    CHECK(std::ranges::count(run.err, '\n') == 1);
    CHECK(run.err.ends_with('\n'));
    CHECK(run.err.find(part) != std::string::npos);
}

std::set<std::string> keys_of(const json& line) {
    std::set<std::string> keys;
    for (const auto& [key, value] : line.items()) keys.insert(key);
    return keys;
}

const std::set<std::string> every_record{"type", "index",   "kind", "time_ns", "seq",
                                         "cpu",  "context", "pid",  "tgid"};

std::set<std::string> with_every(std::set<std::string> keys) {
    keys.insert(every_record.begin(), every_record.end());
    return keys;
}

}  // namespace

TEST_CASE("convert gives every record as one JSON line between info and totals", "[convert]") {
    const TempDir dir;
    TraceBuilder builder;
    builder.datagram(0xffffffffffffffff).datagram(2).write(dir / "a.zct");
    const Run run = zcv_run("convert " + (dir / "a.zct") + " --to jsonl");
    CHECK(run.status == 0);
    CHECK(run.err.empty());
    const auto lines = lines_of(run.out);
    REQUIRE(lines.size() == 16);

    CHECK(run.out.starts_with("{\"schema_version\":1,\"type\":\"info\","));
    CHECK(lines[0]["kernel_release"] == "6.18.0");
    CHECK(lines[0]["command"] == json({"sender", "--count", "8"}));
    CHECK(lines[0]["missing"]["tcp_sendmsg_locked"] == "no such tracepoint");

    const json& submit = lines[1];
    CHECK(submit["type"] == "record");
    CHECK(submit["index"] == 0);
    CHECK(submit["kind"] == "submit");
    CHECK(submit["time_ns"] == 1'000'000'000);
    CHECK(submit["context"] == "task");
    CHECK(submit["user_data"] == "0xffffffffffffffff");
    CHECK(submit["ring"] == "0xffff888100001000");
    CHECK(submit["refs"] == 1);
    CHECK(submit["generation"] == 1);
    CHECK(lines[7]["kind"] == "notif");
    CHECK(lines[14]["kind"] == "notif");
    CHECK(lines[14]["generation"] == 2);

    const json& totals = lines[15];
    CHECK(totals["type"] == "totals");
    CHECK(totals["cut_off"] == false);
    CHECK(totals["events"] == 14);
    CHECK(totals["records"] == 14);
    CHECK(totals["lost"] == 0);
    CHECK(totals["sequence_gaps"] == 0);
    CHECK(totals["by_kind"]["submit"] == 2);
    CHECK_FALSE(totals.contains("cut_reason"));
}

TEST_CASE("a record shows the fields its kind fills and no others", "[convert]") {
    const TempDir dir;
    TraceBuilder builder;
    for (std::uint16_t kind = 1; kind < ZCV_KIND_COUNT; ++kind) {
        builder.add(static_cast<zcv_event_kind>(kind)).context = ZCV_CONTEXT_SOFTIRQ;
    }
    builder.write(dir / "kinds.zct");
    const auto lines = lines_of(zcv_run("convert " + (dir / "kinds.zct") + " --to jsonl").out);
    REQUIRE(lines.size() == ZCV_KIND_COUNT + 1);
    const auto keys = [&](zcv_event_kind kind) {
        CHECK(lines[kind]["kind"] == name_of(kind));
        CHECK(lines[kind]["context"] == "softirq");
        return keys_of(lines[kind]);
    };
    const std::set<std::string> cqe{"req",  "ring",      "ubuf", "chain",
                                    "refs", "user_data", "res",  "cqe_flags"};
    const std::set<std::string> skb{"skb",  "head",    "ubuf",     "owner",        "chain",
                                    "refs", "dataref", "nr_frags", "shinfo_flags", "len",
                                    "sock", "ifindex", "addr"};
    CHECK(keys(ZCV_SUBMIT) ==
          with_every({"req", "ring", "sock", "protocol", "ubuf", "refs", "addr", "len", "user_data",
                      "opcode", "sqe_flags", "msg_flags", "zc_flags", "hash"}));
    CHECK(keys(ZCV_VECTOR) == with_every({"addr", "len", "opcode", "nr_frags"}));
    CHECK(keys(ZCV_PAGE_WRITE) == with_every({"addr", "len", "user_data"}));
    CHECK(keys(ZCV_COMPLETE) == with_every(cqe));
    auto notif = cqe;
    notif.merge(std::set<std::string>{"hash", "addr", "len"});
    CHECK(keys(ZCV_NOTIF) == with_every(notif));
    CHECK(keys(ZCV_CQE_OVERFLOW) ==
          with_every({"ring", "ubuf", "chain", "refs", "user_data", "res", "cqe_flags", "hash"}));
    CHECK(keys(ZCV_POLL_ARM) == with_every({"req", "ring", "ubuf", "user_data"}));
    CHECK(keys(ZCV_ASYNC) == with_every({"req", "ring", "ubuf", "user_data"}));
    CHECK(keys(ZCV_LINK) == with_every({"req", "ring", "user_data"}));
    CHECK(keys(ZCV_DEFER) == with_every({"req", "ring", "user_data"}));
    CHECK(keys(ZCV_PREP_FAILED) == with_every({"ring", "ubuf", "refs", "user_data", "res"}));
    CHECK(keys(ZCV_TCP_APPEND) == with_every({"sock", "ubuf", "skb", "head", "chain", "refs", "len",
                                              "nr_frags", "shinfo_flags", "addr"}));
    for (const auto kind : {ZCV_DEV_QUEUE, ZCV_DEV_XMIT, ZCV_RX, ZCV_SKB_CONSUME}) {
        CHECK(keys(kind) == with_every(skb));
    }
    auto drop = skb;
    drop.insert("res");
    CHECK(keys(ZCV_SKB_DROP) == with_every(drop));
    CHECK(keys(ZCV_HEAD_FREE) == with_every({"head", "owner", "refs"}));
    CHECK(keys(ZCV_FORK) == with_every({"addr"}));
    CHECK(keys(ZCV_EXEC) == every_record);
    CHECK(keys(ZCV_EXIT) == every_record);
    CHECK(keys(ZCV_RING_CREATE) == with_every({"ring", "len", "zc_flags"}));
    CHECK(keys(ZCV_REGISTER) == with_every({"ring", "opcode", "res"}));
    CHECK(lines[ZCV_COMPLETE]["refs"].is_null());  // the builder's default: not readable
}

TEST_CASE("a record of no known kind shows all it has", "[convert]") {
    const TempDir dir;
    TraceBuilder builder;
    zcv_event& event = builder.add(ZCV_SUBMIT);
    event.kind = 60000;
    event.context = 200;
    event.res = -105;
    builder.write(dir / "odd.zct");
    const auto lines = lines_of(zcv_run("convert " + (dir / "odd.zct") + " --to jsonl").out);
    REQUIRE(lines.size() == 3);
    CHECK(lines[1]["kind"] == "unknown");
    CHECK(lines[1]["kind_number"] == 60000);
    CHECK(lines[1]["context"] == "unknown");
    CHECK(lines[1]["res"] == -105);
    CHECK(lines[1].size() == every_record.size() + 24 + 1);
    CHECK(lines[2]["unknown_kinds"] == 1);
}

TEST_CASE("a cut-off trace converts as far as it goes and says so", "[convert]") {
    const TempDir dir;
    TraceBuilder().datagram(1).write(dir / "a.zct");
    auto bytes = bytes_of(dir / "a.zct");
    bytes.resize(bytes.size() - 1);
    put(dir / "cut.zct", bytes);
    const Run run = zcv_run("convert " + (dir / "cut.zct") + " --to jsonl");
    CHECK(run.status == 0);
    CHECK(run.err == "zcv: " + (dir / "cut.zct") + ": ends inside block 2 at byte " +
                         std::to_string(bytes.size()) + ": converting the 7 records before that\n");
    const auto lines = lines_of(run.out);
    REQUIRE(lines.size() == 9);
    CHECK(lines[8]["cut_off"] == true);
    CHECK(lines[8]["cut_reason"].get<std::string>().starts_with("ends inside block 2"));
    CHECK_FALSE(lines[8].contains("lost"));  // nobody knows
}

TEST_CASE("convert writes a file when asked and never over its own input", "[convert]") {
    const TempDir dir;
    TraceBuilder().datagram(1).write(dir / "a.zct");
    const Run run = zcv_run("convert " + (dir / "a.zct") + " --to jsonl -o " + (dir / "a.jsonl"));
    CHECK(run.status == 0);
    CHECK(run.out.empty());
    CHECK(run.err.empty());
    CHECK(text_of(dir / "a.jsonl") == zcv_run("convert " + (dir / "a.zct") + " --to jsonl").out);

    const auto before = bytes_of(dir / "a.zct");
    check_refused(zcv_run("convert " + (dir / "a.zct") + " --to jsonl -o " + (dir / "./a.zct")), 2,
                  "is the trace itself");
    CHECK(bytes_of(dir / "a.zct") == before);
}

TEST_CASE("convert refuses bad input with one line and exit status 2", "[convert]") {
    const TempDir dir;
    TraceBuilder().datagram(1).write(dir / "a.zct");
    const auto convert = [&](const std::string& name) {
        return zcv_run("convert " + (dir / name) + " --to jsonl");
    };
    const auto file = [&](const std::string& name, const std::string& content) {
        put(dir / name, std::as_bytes(std::span(content)));
        return name;
    };
    check_refused(convert("missing.zct"), 2, (dir / "missing.zct") + ": no such file");
    check_refused(convert(""), 2, "is a directory");
    check_refused(convert(file("empty.zct", "")), 2, "empty");
    check_refused(convert(file("photo.zct", "\x89PNG\r\n\x1a\n")), 2, "not a .zct trace");
    check_refused(convert(file("short.zct", "\x89ZCT")), 2, "too short to be a trace");

    zct::FileHeader header;
    header.version_major = zct_version_major + 1;
    header.checksum = zct::checksum_of(header);
    put(dir / "newer.zct", std::as_bytes(std::span(&header, 1)));
    check_refused(convert("newer.zct"), 2, "use a newer zcv");

    check_refused(zcv_run("convert " + (dir / "a.zct") + " --to yaml"), 2,
                  "--to yaml: no such format: choose from jsonl, perfetto");
    check_refused(zcv_run("convert " + (dir / "a.zct")), 2, "--to");
    check_refused(zcv_run("convert --to jsonl"), 2, "FILE");
    check_refused(zcv_run("convert " + (dir / "a.zct") + " --to jsonl -o " + (dir / "no/where")), 2,
                  "cannot be written: no such file");
}

TEST_CASE("a file one may not read is refused", "[convert]") {
    const TempDir dir;
    TraceBuilder().datagram(1).write(dir / "secret.zct");
    std::filesystem::permissions(dir / "secret.zct", std::filesystem::perms::none);
    // Root may read anything, so it becomes nobody for a moment; a directory of its own mode 0700
    // must then let nobody in.
    std::filesystem::permissions(dir / "", std::filesystem::perms(0755));
    const bool root = ::geteuid() == 0;
    if (root) REQUIRE(::seteuid(65534) == 0);
    std::string what;
    try {
        read_trace(dir / "secret.zct");
    } catch (const Refusal& refusal) {
        what = refusal.what();
    }
    if (root) REQUIRE(::seteuid(0) == 0);
    CHECK(what == (dir / "secret.zct") + ": permission denied: make it readable for this user");
}

TEST_CASE("a full output ends convert with exit status 4", "[convert]") {
    const TempDir dir;
    TraceBuilder().datagram(1).write(dir / "a.zct");
    const std::string from = "convert " + (dir / "a.zct") + " --to jsonl";
    check_refused(zcv_run(from + " -o /dev/full"), 4,
                  "/dev/full: cannot be written: no space left on device");
    check_refused(zcv_run(from + " >/dev/full"), 4, "standard output: cannot be written");
}

TEST_CASE("a reader that has seen enough ends convert in peace", "[convert]") {
    const TempDir dir;
    TraceBuilder builder;
    for (std::uint64_t send = 0; send < 5000; ++send) builder.datagram(send);
    builder.write(dir / "long.zct");
    const std::string script = "set -o pipefail; " ZCV_PROGRAM " convert " + (dir / "long.zct") +
                               " --to jsonl 2>" + (dir / "err") + " | head -1 >" + (dir / "out");
    const int ended = std::system(("bash -c '" + script + "'").c_str());
    CHECK(WEXITSTATUS(ended) == 0);
    CHECK(text_of(dir / "err").empty());
    CHECK(text_of(dir / "out").starts_with("{\"schema_version\":1"));
}

TEST_CASE("help of convert ends with examples that run", "[convert]") {
    const Run run = zcv_run("convert --help");
    CHECK(run.status == 0);
    CHECK(run.out.find("Examples:\n  zcv convert trace.zct --to jsonl") != std::string::npos);
}
