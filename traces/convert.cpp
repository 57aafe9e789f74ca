#include "traces/convert.hpp"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <array>
#include <iterator>

#include "traces/stacks.hpp"
#include "traces/zct_json.hpp"

namespace zcv {
namespace {

// One bit a field; the order is that of the output.
enum Field : std::uint32_t {
    req = 1U << 0U,
    ring = 1U << 1U,
    sock = 1U << 2U,
    ubuf = 1U << 3U,
    chain = 1U << 4U,
    owner = 1U << 5U,
    skb = 1U << 6U,
    head = 1U << 7U,
    addr = 1U << 8U,
    user_data = 1U << 9U,
    hash = 1U << 10U,
    len = 1U << 11U,
    refs = 1U << 12U,
    res = 1U << 13U,
    cqe_flags = 1U << 14U,
    msg_flags = 1U << 15U,
    ifindex = 1U << 16U,
    dataref = 1U << 17U,
    zc_flags = 1U << 18U,
    opcode = 1U << 19U,
    sqe_flags = 1U << 20U,
    shinfo_flags = 1U << 21U,
    nr_frags = 1U << 22U,
    protocol = 1U << 23U,
    every_field = (1U << 24U) - 1,
};

constexpr std::uint32_t request_fields = req | ring | user_data;
constexpr std::uint32_t cqe_fields = request_fields | ubuf | chain | refs | res | cqe_flags;
constexpr std::uint32_t skb_fields = skb | head | ubuf | owner | chain | refs | dataref | nr_frags |
                                     shinfo_flags | len | sock | ifindex | addr;

// As zcv_event.h says, in the order of zcv_event_kind.
constexpr std::uint32_t range_fields = sock | protocol | skb | user_data | addr | len | cqe_flags;

constexpr std::uint32_t fields_of_kinds[]{
    every_field,  // unknown
    request_fields | sock | protocol | ubuf | refs | addr | len | opcode | sqe_flags | msg_flags |
        zc_flags | hash,                                                             // submit
    cqe_fields,                                                                      // complete
    cqe_fields | hash | addr | len,                                                  // notif
    ring | user_data | ubuf | chain | refs | res | cqe_flags | hash,                 // cqe-overflow
    request_fields | ubuf,                                                           // poll-arm
    request_fields | ubuf,                                                           // async
    request_fields,                                                                  // link
    request_fields,                                                                  // defer
    ring | user_data | ubuf | refs | res,                                            // prep-failed
    sock | ubuf | skb | head | chain | refs | len | nr_frags | shinfo_flags | addr,  // tcp-append
    skb_fields,                                                                      // dev-queue
    skb_fields,                                                                      // dev-xmit
    skb_fields,                                                                      // rx
    skb_fields,                                                                      // skb-consume
    skb_fields | res,                                                                // skb-drop
    head | owner | refs,                                                             // head-free
    addr,                                                                            // fork
    0,                                                                               // exec
    0,                                                                               // exit
    ring | len | zc_flags,                                                           // ring-create
    ring | opcode | res,                                                             // register
    addr | len | res | cqe_flags,                                                    // write
    sock | protocol | user_data | addr | len | msg_flags | zc_flags | hash,          // call
    sock | protocol | user_data | len | res | hash,                                  // call-done
    range_fields,                                                                    // errqueue
    range_fields | res,                                                              // -read
    sock | protocol | user_data | addr | len | cqe_flags | hash,                     // call-told
    skb_fields,                                                                      // retransmit
    sock | protocol | addr,                                                          // ack
    sock | protocol | len | res,                                                     // sock-state
    sock | protocol,                                                                 // reset
    sock | protocol,                                                                 // close
    sock | protocol | res,                                                           // shutdown
    addr | len | opcode,                                                             // unmap
    request_fields | ubuf,                                                           // link-fail
    len,                                                                             // task-work
    ring,                                                                            // ring-close
    request_fields | sock | protocol | opcode | res | cqe_flags | addr,              // cqe
    ring | user_data | ubuf | addr | len | zc_flags | hash,                          // content
    ring | sock | ubuf | owner | skb | head | user_data | len | refs | res | zc_flags |
        opcode,                                                                // ubuf-ref
    ring | sock | protocol | ubuf | user_data | addr | len | hash | zc_flags,  // pages
    skb | head | owner | opcode | nr_frags | addr | user_data | len,           // frag
    addr | len,                                                                // free
    addr | len | opcode | nr_frags,                                            // vector
    addr | len | user_data,                                                    // page-write
};
constexpr auto fields_of_kind = std::to_array(fields_of_kinds);
static_assert(fields_of_kind.size() == ZCV_KIND_COUNT, "every kind has its fields");

constexpr std::array context_names{"unknown", "task", "softirq", "hardirq"};

const char* context_name(std::uint8_t context) {
    return context < context_names.size() ? context_names[context] : context_names[0];
}

class Line {
  public:
    Line(fmt::memory_buffer& out, std::uint32_t fields) : out_(out), fields_(fields) {}

    void name(Field field, const char* text, std::uint64_t value) {
        if ((fields_ & field) == 0) return;
        fmt::format_to(std::back_inserter(out_), FMT_COMPILE(",\"{}\":\"{:#x}\""), text, value);
    }
    template <typename Number>
    void number(Field field, const char* text, Number value) {
        if ((fields_ & field) == 0) return;
        fmt::format_to(std::back_inserter(out_), FMT_COMPILE(",\"{}\":{}"), text, value);
    }
    void reference_count(std::uint32_t value) {
        if (value != ZCV_REFS_UNKNOWN) return number(refs, "refs", value);
        if ((fields_ & refs) != 0) out_.append(std::string_view(",\"refs\":null"));
    }

  private:
    fmt::memory_buffer& out_;
    std::uint32_t fields_;
};

void add_record(fmt::memory_buffer& out, std::size_t index, const zcv_event& event) {
    const std::uint16_t kind = is_known(event.kind) ? event.kind : std::uint16_t{ZCV_NONE};
    fmt::format_to(std::back_inserter(out),
                   FMT_COMPILE("{{\"type\":\"record\",\"index\":{},\"kind\":\"{}\",\"time_ns\":{},"
                               "\"seq\":{},\"cpu\":{},\"context\":\"{}\",\"pid\":{},\"tgid\":{}"),
                   index, name_of(static_cast<zcv_event_kind>(kind)), event.time_ns, event.seq,
                   event.cpu, context_name(event.context), event.pid, event.tgid);
    // Of a stack, which only some captures have.
    const bool has_number = has_stack(event) && event.res != 0;
    // Of a stream's place, which only TCP's own skbs have.
    const bool freed = (kind == ZCV_HEAD_FREE || kind == ZCV_UBUF_REF) && event.addr != 0;
    const bool placed = kind == ZCV_TCP_APPEND && event.cqe_flags != 0;
    // Of iovecs, which only some payloads lie in.
    const bool gathered = (kind == ZCV_SUBMIT || kind == ZCV_CALL) && event.nr_frags > 1;
    Line line(out, fields_of_kind[kind] | (has_number ? std::uint32_t{res} : 0U) |
                       (freed ? addr | cqe_flags : 0U) | (placed ? std::uint32_t{cqe_flags} : 0U) |
                       (gathered ? nr_frags : 0U));
    line.name(req, "req", event.req);
    line.name(ring, "ring", event.ring);
    line.name(sock, "sock", event.sock);
    line.name(ubuf, "ubuf", event.ubuf);
    line.name(chain, "chain", event.chain);
    line.name(owner, "owner", event.owner);
    line.name(skb, "skb", event.skb);
    line.name(head, "head", event.head);
    line.name(addr, "addr", event.addr);
    line.name(user_data, "user_data", event.user_data);
    line.name(hash, "hash", event.hash);
    line.number(len, "len", event.len);
    line.reference_count(event.refs);
    line.number(res, "res", event.res);
    line.number(cqe_flags, "cqe_flags", event.cqe_flags);
    line.number(msg_flags, "msg_flags", event.msg_flags);
    line.number(ifindex, "ifindex", event.ifindex);
    line.number(dataref, "dataref", event.dataref);
    line.number(zc_flags, "zc_flags", event.zc_flags);
    if (event.kernel_stack != 0)
        fmt::format_to(std::back_inserter(out), ",\"kernel_stack\":{}",
                       ZCV_KERNEL_STACKS | event.kernel_stack);
    line.number(opcode, "opcode", static_cast<unsigned>(event.opcode));
    line.number(sqe_flags, "sqe_flags", static_cast<unsigned>(event.sqe_flags));
    line.number(shinfo_flags, "shinfo_flags", static_cast<unsigned>(event.shinfo_flags));
    line.number(nr_frags, "nr_frags", static_cast<unsigned>(event.nr_frags));
    line.number(protocol, "protocol", static_cast<unsigned>(event.protocol));
    const auto end = std::back_inserter(out);
    if (event.generation != 0) {
        fmt::format_to(end, FMT_COMPILE(",\"generation\":{}"), event.generation);
    }
    if (kind == ZCV_NONE) fmt::format_to(end, FMT_COMPILE(",\"kind_number\":{}"), event.kind);
    out.append(std::string_view("}\n"));
}

std::string info_line(const Trace& trace) {
    nlohmann::ordered_json line{{"schema_version", 1}, {"type", "info"}};
    line.update(zct::json_of(trace.info));
    return zct::text_of(line) + '\n';
}

std::string totals_line(const Trace& trace) {
    nlohmann::ordered_json line{{"type", "totals"},
                                {"cut_off", trace.cut_off},
                                {"sequence_gaps", trace.sequence_gaps},
                                {"unknown_kinds", trace.unknown_kinds},
                                {"events", trace.events.size()}};
    if (trace.cut_off) {
        line["cut_reason"] = trace.cut_reason;
    } else {
        line.update(zct::json_of(trace.totals));
    }
    return zct::text_of(line) + '\n';
}

// What records name by its number.
std::string stack_line(const Stack& stack) {
    nlohmann::ordered_json line{{"type", "stack"}};
    line.update(zct::json_of(stack));
    return zct::text_of(line) + '\n';
}

}  // namespace

void write_jsonl(const Trace& trace, const Sink& sink) {
    constexpr std::size_t piece_bytes = 256U << 10U;
    sink(info_line(trace));
    for (const Stack& stack : trace.stacks) sink(stack_line(stack));
    fmt::memory_buffer out;
    for (std::size_t index = 0; index < trace.events.size(); ++index) {
        add_record(out, index, trace.events[index]);
        if (out.size() < piece_bytes) continue;
        sink({out.data(), out.size()});
        out.clear();
    }
    sink({out.data(), out.size()});
    sink(totals_line(trace));
}

}  // namespace zcv
