#include "model/clock/published.hpp"

#include <algorithm>

namespace zcv::clock {

namespace {

PublishedTable rfc_v1() {
    return {.id = "rfc-v1",
            .title = "the first series: tx contexts, registered buffers",
            .source =
                "[RFC 00/12] io_uring zerocopy send, 30 Nov 2021, "
                "cover.1638282789.git.asml.silence@gmail.com",
            .profile = "rfc-v1",
            .transport = "udp",
            .device = "dummy",
            .unit = "MB/s",
            .baseline = "msg_zerocopy -z",
            .figures = {
                {"msg_zerocopy", {Way::send, 1}, 65435, 18281},
                {"msg_zerocopy -z", {Way::msg_zerocopy, 1}, 65435, 47421},
                {"io_uring flush=false nr_reqs=1", {Way::send_zc_fixed, 1, false}, 65435, 96534},
                {"io_uring flush=true nr_reqs=1", {Way::send_zc_fixed, 1}, 65435, 89310},
                {"io_uring flush=false nr_reqs=8", {Way::send_zc_fixed, 8, false}, 65435, 116079},
                {"io_uring flush=true nr_reqs=8", {Way::send_zc_fixed, 8}, 65435, 109722},
            }};
}

PublishedTable rfc_v1_buffers() {
    return {.id = "rfc-v1-buffers",
            .title = "the first series: memory pinned by every send beside registered buffers",
            .source =
                "[RFC 00/12] io_uring zerocopy send, 30 Nov 2021, "
                "cover.1638282789.git.asml.silence@gmail.com",
            .profile = "rfc-v1",
            .transport = "udp",
            .device = "dummy",
            .unit = "MB/s",
            .baseline = "normal",
            .figures = {
                {"normal", {Way::send_zc, 8, false}, 65435, 75677},
                {"fixed", {Way::send_zc_fixed, 8, false}, 65435, 116079},
            }};
}

PublishedTable rfc_v2_dummy() {
    return {.id = "rfc-v2-dummy",
            .title = "the second series, IPv4",
            .source =
                "[RFC v2 00/19] io_uring zerocopy tx, 21 Dec 2021, "
                "cover.1640029579.git.asml.silence@gmail.com",
            .profile = "6.0-rc",
            .transport = "udp",
            .device = "dummy",
            .unit = "requests/s",
            .baseline = "msg_zerocopy -z",
            .figures = {
                {"msg_zerocopy", {Way::send, 1}, 4096, 1120000},
                {"msg_zerocopy -z", {Way::msg_zerocopy, 1}, 4096, 997000},
                {"-n1 -z0", {Way::ring_send, 1}, 4096, 1469000},
                {"-n8 -z0", {Way::ring_send, 8}, 4096, 1780000},
                {"-n1 -f", {Way::send_zc_fixed, 1}, 4096, 1688000},
                {"-n1", {Way::send_zc_fixed, 1, false}, 4096, 1774000},
                {"-n8 -f", {Way::send_zc_fixed, 8}, 4096, 2075000},
                {"-n8", {Way::send_zc_fixed, 8, false}, 4096, 2265000},
            }};
}

PublishedTable rfc_v2_dummy6() {
    return {.id = "rfc-v2-dummy6",
            .title = "the second series, IPv6",
            .source =
                "[RFC v2 00/19] io_uring zerocopy tx, 21 Dec 2021, "
                "cover.1640029579.git.asml.silence@gmail.com",
            .profile = "6.0-rc",
            .transport = "udp",
            .device = "dummy",
            .unit = "requests/s",
            .baseline = "",
            .figures = {
                {"-n8", {Way::send_zc_fixed, 8, false}, 8192, 599000},
                {"-n8", {Way::send_zc_fixed, 8, false}, 4096, 601000},
                {"-n8", {Way::send_zc_fixed, 8, false}, 1024, 601000},
                {"-n8", {Way::send_zc_fixed, 8, false}, 512, 601000},
                {"-n8", {Way::send_zc_fixed, 8, false}, 128, 602000},
            }};
}

PublishedTable rfc_v2_nic() {
    return {.id = "rfc-v2-nic",
            .title = "the second series, IPv6 between two network cards",
            .source =
                "[RFC v2 00/19] io_uring zerocopy tx, 21 Dec 2021, "
                "cover.1640029579.git.asml.silence@gmail.com",
            .profile = "6.0-rc",
            .transport = "udp",
            .device = "nic",
            .unit = "requests/s",
            .baseline = "msg_zerocopy -z",
            .figures = {
                {"-n1 -z0", {Way::ring_send, 1}, 8192, 264000},
                {"-n1 -z0", {Way::ring_send, 1}, 4096, 303000},
                {"-n1 -z0", {Way::ring_send, 1}, 1024, 329000},
                {"-n1 -z0", {Way::ring_send, 1}, 512, 340000},
                {"-n1 -z0", {Way::ring_send, 1}, 128, 341000},
                {"-n8 -z0", {Way::ring_send, 8}, 8192, 302000},
                {"-n8 -z0", {Way::ring_send, 8}, 4096, 366000},
                {"-n8 -z0", {Way::ring_send, 8}, 1024, 407000},
                {"-n8 -z0", {Way::ring_send, 8}, 512, 417000},
                {"-n8 -z0", {Way::ring_send, 8}, 128, 428000},
                {"msg_zerocopy", {Way::send, 1}, 8192, 248000},
                {"msg_zerocopy", {Way::send, 1}, 4096, 278000},
                {"msg_zerocopy", {Way::send, 1}, 1024, 301000},
                {"msg_zerocopy", {Way::send, 1}, 512, 310000},
                {"msg_zerocopy", {Way::send, 1}, 128, 317000},
                {"msg_zerocopy -z", {Way::msg_zerocopy, 1}, 8192, 183000},
                {"msg_zerocopy -z", {Way::msg_zerocopy, 1}, 4096, 187000},
                {"msg_zerocopy -z", {Way::msg_zerocopy, 1}, 1024, 186000},
                {"msg_zerocopy -z", {Way::msg_zerocopy, 1}, 512, 186000},
                {"msg_zerocopy -z", {Way::msg_zerocopy, 1}, 128, 188000},
                {"-n1 -f", {Way::send_zc_fixed, 1}, 8192, 306000},
                {"-n1 -f", {Way::send_zc_fixed, 1}, 4096, 317000},
                {"-n1 -f", {Way::send_zc_fixed, 1}, 1024, 317000},
                {"-n1 -f", {Way::send_zc_fixed, 1}, 512, 317000},
                {"-n1 -f", {Way::send_zc_fixed, 1}, 128, 318000},
                {"-n1", {Way::send_zc_fixed, 1, false}, 8192, 318000},
                {"-n1", {Way::send_zc_fixed, 1, false}, 4096, 325000},
                {"-n1", {Way::send_zc_fixed, 1, false}, 1024, 327000},
                {"-n1", {Way::send_zc_fixed, 1, false}, 512, 328000},
                {"-n1", {Way::send_zc_fixed, 1, false}, 128, 331000},
                {"-n8 -f", {Way::send_zc_fixed, 8}, 8192, 373000},
                {"-n8 -f", {Way::send_zc_fixed, 8}, 4096, 387000},
                {"-n8 -f", {Way::send_zc_fixed, 8}, 1024, 390000},
                {"-n8 -f", {Way::send_zc_fixed, 8}, 512, 392000},
                {"-n8 -f", {Way::send_zc_fixed, 8}, 128, 391000},
                {"-n8", {Way::send_zc_fixed, 8, false}, 8192, 401000},
                {"-n8", {Way::send_zc_fixed, 8, false}, 4096, 405000},
                {"-n8", {Way::send_zc_fixed, 8, false}, 1024, 403000},
                {"-n8", {Way::send_zc_fixed, 8, false}, 512, 406000},
                {"-n8", {Way::send_zc_fixed, 8, false}, 128, 408000},
            }};
}

PublishedTable v4_nic() {
    return {.id = "v4-nic",
            .title = "the series that was merged: notification slots",
            .source =
                "[PATCH net-next v4 00/27] io_uring zerocopy send, 7 Jul 2022, "
                "cover.1657194434.git.asml.silence@gmail.com (as in v3 and its RFC)",
            .profile = "6.0-rc",
            .transport = "udp",
            .device = "nic",
            .unit = "requests/s",
            .baseline = "non-zc",
            .figures = {
                {"non-zc", {Way::ring_send, 8}, 4000, 495134},
                {"non-zc", {Way::ring_send, 8}, 1500, 551808},
                {"non-zc", {Way::ring_send, 8}, 1000, 584677},
                {"non-zc", {Way::ring_send, 8}, 600, 596292},
                {"zc", {Way::send_zc_fixed, 8, false}, 4000, 606420},
                {"zc", {Way::send_zc_fixed, 8, false}, 1500, 577116},
                {"zc", {Way::send_zc_fixed, 8, false}, 1000, 592088},
                {"zc", {Way::send_zc_fixed, 8, false}, 600, 598550},
                {"zc + flush", {Way::send_zc_fixed, 8}, 4000, 558971},
                {"zc + flush", {Way::send_zc_fixed, 8}, 1500, 565803},
                {"zc + flush", {Way::send_zc_fixed, 8}, 1000, 560885},
                {"zc + flush", {Way::send_zc_fixed, 8}, 600, 555366},
            }};
}

PublishedTable v4_dummy() {
    return {.id = "v4-dummy",
            .title = "the series that was merged: notification slots",
            .source =
                "[PATCH net-next v4 00/27] io_uring zerocopy send, 7 Jul 2022, "
                "cover.1657194434.git.asml.silence@gmail.com (as in v3 and its RFC)",
            .profile = "6.0-rc",
            .transport = "udp",
            .device = "dummy",
            .unit = "requests/s",
            .baseline = "non-zc",
            .figures = {
                {"non-zc", {Way::ring_send, 8}, 8000, 1299916},
                {"non-zc", {Way::ring_send, 8}, 4000, 1869230},
                {"non-zc", {Way::ring_send, 8}, 1200, 2071617},
                {"non-zc", {Way::ring_send, 8}, 600, 2106794},
                {"zc", {Way::send_zc_fixed, 8, false}, 8000, 2396600},
                {"zc", {Way::send_zc_fixed, 8, false}, 4000, 2344146},
                {"zc", {Way::send_zc_fixed, 8, false}, 1200, 2361960},
                {"zc", {Way::send_zc_fixed, 8, false}, 600, 2381527},
                {"zc + flush", {Way::send_zc_fixed, 8}, 8000, 2224219},
                {"zc + flush", {Way::send_zc_fixed, 8}, 4000, 2170069},
                {"zc + flush", {Way::send_zc_fixed, 8}, 1200, 2203052},
                {"zc + flush", {Way::send_zc_fixed, 8}, 600, 2195295},
            }};
}

PublishedTable stacking() {
    return {.id = "stacking",
            .title = "one skb for several requests, 6.10, beside one request each",
            .source =
                "implement io_uring notification (ubuf_info) stacking, 19 Apr 2024, "
                "cover.1713369317.git.asml.silence@gmail.com",
            .profile = "6.12",
            .transport = "tcp",
            .device = "nic",
            .unit = "requests/s",
            .baseline = "before",
            .figures = {
                {"before", {Way::send_zc, 1}, 1200, 195000},
                {"before", {Way::send_zc, 1}, 4000, 193000},
                {"before", {Way::send_zc, 1}, 8000, 154000},
                {"after", {Way::send_zc, 1}, 1200, 1023000},
                {"after", {Way::send_zc, 1}, 4000, 1386000},
                {"after", {Way::send_zc, 1}, 8000, 1058000},
            }};
}

}  // namespace

const std::vector<PublishedTable>& published_tables() {
    static const std::vector<PublishedTable> tables{
        rfc_v1(),     rfc_v1_buffers(), rfc_v2_dummy(), rfc_v2_dummy6(),
        rfc_v2_nic(), v4_nic(),         v4_dummy(),     stacking()};
    return tables;
}

const PublishedTable* find_published(std::string_view id) {
    const auto at = std::ranges::find(published_tables(), id, &PublishedTable::id);
    return at == published_tables().end() ? nullptr : &*at;
}

std::optional<double> ratio_of(const PublishedTable& table, const PublishedFigure& figure) {
    for (const PublishedFigure& base : table.figures)
        if (base.as == table.baseline && base.bytes == figure.bytes)
            return figure.value / base.value;
    return std::nullopt;
}

}  // namespace zcv::clock
