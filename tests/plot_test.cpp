#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>

#include "plots/lifecycle.hpp"
#include "tests/program.hpp"

using namespace zcv;
using namespace zcv::test;

namespace {

constexpr std::uint64_t start_ns = 5'000'000'000;
constexpr std::uint64_t us = 1000;

// A send that goes right: 10 us until an skb has it, 20 more to the wire, notified after 200.
SendHistory good_send(std::uint32_t number, std::uint64_t submitted_us) {
    SendHistory send;
    const std::uint64_t at = start_ns + submitted_us * us;
    send.number = number;
    send.user_data = number;
    send.submitted_ns = at;
    send.attached_ns = at + 10 * us;
    send.completed_ns = at + 12 * us;
    send.on_wire_ns = at + 30 * us;
    send.released_ns = at + 180 * us;
    send.notified_ns = at + 200 * us;
    send.reused_ns = at + 210 * us;
    return send;
}

SendHistory misused_send(std::uint32_t number, std::uint64_t submitted_us, std::uint64_t early_us) {
    SendHistory send = good_send(number, submitted_us);
    send.reused_ns = *send.notified_ns - early_us * us;
    send.reused_early = true;
    return send;
}

ReplayReport report_of(std::vector<SendHistory> history) {
    ReplayReport report;
    report.profile = "6.18";
    report.verdict = Verdict::clean;
    for (const SendHistory& send : history) {
        if (send.reused_early) report.verdict = Verdict::violation;
        if (send.copied) ++report.copied;
        if (send.notified_ns) ++report.notified;
    }
    report.sends = history.size();
    report.records = report.matched = history.size() * 7;
    report.history = std::move(history);
    return report;
}

LifecycleView view_of_test() {
    LifecycleView view;
    view.file = "test.zct";
    view.kernel = "6.18.0";
    return view;
}

LifecycleFigure figure_of(std::vector<SendHistory> history) {
    return lay_out_lifecycle(report_of(std::move(history)), view_of_test());
}

const std::vector<Span>& spans_of(const LifecycleFigure& figure, SendPhase phase) {
    return figure.phases[static_cast<std::size_t>(phase)];
}

Status refused_with(const std::function<void()>& act) {
    try {
        act();
    } catch (const Refusal& refusal) {
        CHECK(std::string(refusal.what()).find('\n') == std::string::npos);
        return refusal.status();
    }
    return Status::clean;
}

std::size_t files_in(const std::string& directory) {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& f : std::filesystem::directory_iterator(directory)) ++count;
    return count;
}

// Restores the search path, which one test takes away from gnuplot.
class WithPath {
  public:
    explicit WithPath(const std::string& path) : old_(std::getenv("PATH")) {
        setenv("PATH", path.c_str(), 1);
    }
    ~WithPath() { setenv("PATH", old_.c_str(), 1); }
    WithPath(const WithPath&) = delete;
    WithPath& operator=(const WithPath&) = delete;

  private:
    std::string old_;
};

}  // namespace

TEST_CASE("each phase lasts until the next known moment", "[plot]") {
    const LifecycleFigure figure = figure_of({good_send(1, 0), good_send(2, 50)});
    REQUIRE(figure.unit == "us");
    const auto check = [&](SendPhase phase, double from, double to) {
        const Span span = spans_of(figure, phase).at(1);
        CHECK(span.row == 1);
        CHECK(span.from == Approx(from));
        CHECK(span.to == Approx(to));
    };
    check(SendPhase::submitted, 50, 60);
    check(SendPhase::attached, 60, 80);
    check(SendPhase::on_wire, 80, 230);
    check(SendPhase::released, 230, 250);
    CHECK(figure.completed.at(1).at == Approx(62));
    CHECK(figure.reused.at(1).at == Approx(260));
    CHECK(figure.misuse_flags.empty());
}

TEST_CASE("a phase nobody saw is left out, not guessed", "[plot]") {
    SendHistory send = good_send(1, 0);
    send.attached_ns.reset();
    send.released_ns.reset();
    const LifecycleFigure figure = figure_of({send});
    CHECK(spans_of(figure, SendPhase::attached).empty());
    CHECK(spans_of(figure, SendPhase::released).empty());
    CHECK(spans_of(figure, SendPhase::submitted).at(0).to == Approx(30));
    CHECK(spans_of(figure, SendPhase::on_wire).at(0).to == Approx(200));
}

TEST_CASE("a release recorded late does not outlive the notification", "[plot]") {
    SendHistory send = good_send(1, 0);
    send.released_ns = *send.notified_ns + 90 * us;
    const LifecycleFigure figure = figure_of({send});
    CHECK(spans_of(figure, SendPhase::on_wire).at(0).to == Approx(200));
    CHECK(spans_of(figure, SendPhase::released).empty());
}

TEST_CASE("a send without a notification is held to the end and marked", "[plot]") {
    SendHistory send = good_send(1, 0);
    send.released_ns.reset();
    send.notified_ns.reset();
    send.reused_ns.reset();
    const LifecycleFigure figure = figure_of({send, good_send(2, 500)});
    CHECK(figure.unnotified.size() == 1);
    CHECK(spans_of(figure, SendPhase::on_wire).at(0).to == Approx(710));
}

TEST_CASE("an early reuse is red from the reuse to the notification, and the worst is named",
          "[plot]") {
    const LifecycleFigure figure =
        figure_of({good_send(1, 0), misused_send(2, 50, 20), misused_send(3, 100, 120)});
    REQUIRE(figure.misused.size() == 2);
    CHECK(figure.misused[1].from == Approx(180));
    CHECK(figure.misused[1].to == Approx(300));
    CHECK(figure.misuse_flags.size() == 2);
    REQUIRE(figure.worst);
    CHECK(figure.worst->target.row == 2);
    CHECK(figure.worst->text == "send #3: reused 120 us before its notification");
}

TEST_CASE("an early reuse of which only the fact is known colours where it can have been",
          "[plot]") {
    SendHistory send = misused_send(1, 0, 0);
    const LifecycleFigure figure = figure_of({send});
    CHECK(figure.misused.empty());
    REQUIRE(figure.misused_unsure.size() == 1);
    CHECK(figure.misused_unsure[0].from == Approx(0));
    CHECK(figure.misused_unsure[0].to == Approx(200));
    CHECK(figure.misuse_marks.at(0).at == Approx(200));
}

TEST_CASE("an early reuse too short for a pixel is still three pixels wide", "[plot]") {
    std::vector<SendHistory> history{good_send(1, 0), good_send(2, 100'000)};
    history[0].reused_ns = *history[0].notified_ns - 1;
    history[0].reused_early = true;
    LifecycleView view = view_of_test();
    view.since = Since::first_submission;
    const LifecycleFigure figure = lay_out_lifecycle(report_of(history), view);
    REQUIRE(figure.misused.size() == 1);
    const double px = (figure.to - figure.from) / figure.width_px;
    CHECK(figure.misused[0].to - figure.misused[0].from > 2.9 * px);
}

TEST_CASE("many sends are sampled, the misused ones are all kept and the note says so", "[plot]") {
    std::vector<SendHistory> history;
    for (std::uint32_t i = 0; i < 10'000; ++i) {
        history.push_back(i % 137 == 5 ? misused_send(i + 1, 300 * i, 50)
                                       : good_send(i + 1, 300 * i));
    }
    const LifecycleFigure figure = figure_of(history);
    CHECK(figure.rows <= 700);
    CHECK(figure.misuse_flags.size() == 73);
    CHECK(figure.misused.size() == 73);
    REQUIRE(figure.notes.size() == 1);
    CHECK(figure.notes[0] == "drawn: every 16th of 10000 sends; misused ones all kept (73)");
}

TEST_CASE("when all sends are misused the worst one survives the sampling", "[plot]") {
    std::vector<SendHistory> history;
    for (std::uint32_t i = 0; i < 5000; ++i) {
        history.push_back(misused_send(i + 1, 300 * i, i == 3331 ? 150 : 40));
    }
    const LifecycleFigure figure = figure_of(history);
    CHECK(figure.rows <= 701);
    REQUIRE(figure.worst);
    CHECK(figure.worst->text == "send #3332: reused 150 us before its notification");
}

TEST_CASE("a long run of short requests starts every row at its own submission", "[plot]") {
    std::vector<SendHistory> history;
    for (std::uint32_t i = 0; i < 500; ++i) history.push_back(good_send(i + 1, 300 * i));
    const LifecycleFigure figure = figure_of(history);
    REQUIRE(figure.since == Since::own_submission);
    for (const Span& span : spans_of(figure, SendPhase::submitted)) CHECK(span.from == Approx(0));
    CHECK(figure.to < 300);
    CHECK(figure.submitted_at.at(1).text == "at 5.70 ms");

    LifecycleView view = view_of_test();
    view.since = Since::first_submission;
    const LifecycleFigure absolute = lay_out_lifecycle(report_of(history), view);
    CHECK(spans_of(absolute, SendPhase::submitted).back().from == Approx(149.7).margin(0.1));
}

TEST_CASE("one request that takes a thousand times as long does not flatten the rest", "[plot]") {
    std::vector<SendHistory> history;
    for (std::uint32_t i = 0; i < 500; ++i) history.push_back(good_send(i + 1, 300 * i));
    history[7].notified_ns = *history[7].notified_ns + 120'000 * us;
    history[7].reused_ns.reset();
    const LifecycleFigure figure = figure_of(history);
    CHECK(figure.to < 1000);
    CHECK(figure.cut.size() == 1);
    CHECK(figure.notes.size() == 1);
}

TEST_CASE("row labels never come closer than their height", "[plot]") {
    for (const std::uint32_t count : {1U, 8U, 60U, 79U, 81U, 500U, 5000U}) {
        std::vector<SendHistory> history;
        for (std::uint32_t i = 0; i < count; ++i) history.push_back(good_send(i + 1, 40 * i));
        const LifecycleFigure figure = figure_of(history);
        INFO(count << " sends");
        REQUIRE_FALSE(figure.labels.empty());
        for (std::size_t i = 1; i < figure.labels.size(); ++i) {
            const auto rows = figure.labels[i].row - figure.labels[i - 1].row;
            CHECK(static_cast<double>(rows) * figure.row_px >= 12);
        }
    }
}

TEST_CASE("a window draws the sends that touch it and nothing outside", "[plot]") {
    std::vector<SendHistory> history;
    for (std::uint32_t i = 0; i < 10; ++i) history.push_back(good_send(i + 1, 300 * i));
    LifecycleView view = view_of_test();
    view.from_ms = 0.65;
    view.to_ms = 1.0;
    const LifecycleFigure figure = lay_out_lifecycle(report_of(history), view);
    CHECK(figure.rows == 2);
    CHECK(figure.labels.at(0).text == "#3 ud=0x3");
    for (const auto& spans : figure.phases) {
        for (const Span& span : spans) {
            CHECK(span.from >= figure.from);
            CHECK(span.to <= figure.to);
        }
    }
    view.from_ms = 900;
    view.to_ms.reset();
    CHECK(refused_with([&] { lay_out_lifecycle(report_of(history), view); }) ==
          Status::inconclusive);
}

TEST_CASE("a trace without sends is nothing to draw", "[plot]") {
    CHECK(refused_with([] { figure_of({}); }) == Status::inconclusive);
}

// A trace can say anything. Whatever the moments, every bar stays on the axis and no row is lost.
TEST_CASE("any history at all gives a figure within its axes", "[plot]") {
    std::mt19937_64 random(20260101);
    for (int round = 0; round < 300; ++round) {
        std::vector<SendHistory> history;
        const auto count = 1 + random() % 40;
        const std::uint64_t reach = std::numeric_limits<std::uint64_t>::max() >> (random() % 64);
        for (std::uint32_t i = 0; i < count; ++i) {
            SendHistory send;
            send.number = i + 1;
            send.submitted_ns = random() % reach + (round % 5 == 0 ? ~reach : 0);
            for (auto* moment : {&send.attached_ns, &send.on_wire_ns, &send.completed_ns,
                                 &send.released_ns, &send.notified_ns, &send.reused_ns}) {
                if (random() % 4 != 0) *moment = random() % reach + (round % 5 == 0 ? ~reach : 0);
            }
            send.reused_early = random() % 3 == 0;
            send.copied = random() % 3 == 0;
            history.push_back(send);
        }
        const LifecycleFigure figure = figure_of(history);
        std::vector<bool> drawn(figure.rows, false);
        bool within = figure.from < figure.to;
        for (const auto& spans : figure.phases) {
            for (const Span& span : spans) {
                drawn.at(span.row) = true;
                within = within && span.from <= span.to && span.from >= figure.from &&
                         span.to <= figure.to;
            }
        }
        INFO("round " << round);
        CHECK(within);
        CHECK(std::find(drawn.begin(), drawn.end(), false) == drawn.end());
    }
}

TEST_CASE("the script of a small figure is the golden one", "[plot][golden]") {
    SendHistory copied = good_send(2, 40);
    copied.copied = true;
    const LifecycleFigure figure = figure_of({good_send(1, 0), copied, misused_send(3, 80, 120)});
    const TempDir dir;
    {
        Gnuplot gp(std::fopen((dir / "script.gp").c_str(), "w"));
        draw_lifecycle(gp, figure);
    }
    const std::string golden = std::string(ZCV_SOURCE_DIR) + "/tests/golden/lifecycle.gp";
    const std::string script = text_of_file(dir / "script.gp");
    if (std::getenv("ZCV_REWRITE") != nullptr) std::ofstream(golden) << script;
    CHECK(script == text_of_file(golden));
}

TEST_CASE("an axis of latencies has a few round numbers, however long it is", "[plot]") {
    for (double from = 0.3; from < 3000; from *= 1.37)
        for (double factor = 1.3; factor < 1e7; factor *= 1.9) {
            const std::vector<double> ticks = log_ticks(from, from * factor);
            INFO(from << " to " << from * factor);
            CHECK(ticks.size() >= 2);
            CHECK(ticks.size() <= 12);
            CHECK(std::ranges::is_sorted(ticks));
            CHECK(ticks.front() >= from);
            CHECK(ticks.back() <= from * factor);
        }
}

TEST_CASE("no line of a step's note crosses the words of another", "[plot]") {
    std::mt19937 random(7);
    const std::vector<std::string_view> names{"io_send_zc", "skb_release_data", "consume_skb",
                                              "__io_submit_flush_completions"};
    for (int round = 0; round < 200; ++round) {
        std::vector<StepAt> steps;
        const std::size_t count = 1 + random() % 60;
        for (std::size_t i = 0; i < count; ++i)
            steps.push_back({static_cast<double>(random() % 1200), names[random() % names.size()]});
        std::ranges::sort(steps, {}, &StepAt::x_px);
        const std::vector<StepNote> notes = lay_out_notes(steps);
        std::size_t told = 0;
        for (std::size_t i = 0; i < notes.size(); ++i) {
            const double bottom =
                notes[i].top_px + note_line_px * static_cast<double>(notes[i].lines.size());
            CHECK(depth_of(notes) >= bottom);
            for (const std::string& line : notes[i].lines) {
                const std::size_t times = line.find(" x");
                told += times == std::string::npos ? 1 : std::stoul(line.substr(times + 2));
                for (std::size_t k = i + 1; k < notes.size(); ++k)
                    if (notes[k].x_px < notes[i].x_px + text_width_px(line, note_points))
                        CHECK(notes[k].top_px +
                                  note_line_px * static_cast<double>(notes[k].lines.size()) <=
                              notes[i].top_px);
            }
        }
        CHECK(told == count);
        CHECK((notes.size() == 1 || depth_of(notes) <= notes_depth_max_px));
    }
}

TEST_CASE("of few sends the references are drawn below their bars, of many they are not",
          "[plot]") {
    const auto figure_with_steps = [](std::uint32_t sends) {
        std::vector<SendHistory> history;
        LifecycleView view = view_of_test();
        for (std::uint32_t number = 1; number <= sends; ++number) {
            history.push_back(good_send(number, number * 100));
            const SendHistory& send = history.back();
            SendSteps steps;
            steps.steps = {{send.submitted_ns, "io_send_zc_prep"},
                           {*send.notified_ns, "io_notif_tw_complete"}};
            steps.refs.send = number;
            steps.refs.counts = {
                {send.submitted_ns, 1}, {*send.attached_ns, 3}, {*send.released_ns, 0}};
            view.steps.push_back(std::move(steps));
        }
        return lay_out_lifecycle(report_of(std::move(history)), view);
    };
    const LifecycleFigure few = figure_with_steps(detailed_sends_max);
    REQUIRE(few.details.size() == detailed_sends_max);
    CHECK(few.details_size.most == 3);
    CHECK(few.row_px == few.details_size.row);
    CHECK(few.plot_height_px == std::lround(few.row_px * static_cast<double>(few.rows)));
    const double plot_px = few.width_px - few.margin_left_px - few.margin_right_px;
    for (const SendDetails& one : few.details) {
        CHECK(one.counts.size() == 3);
        CHECK(one.notes.size() == 2);
        for (const SendDetails::Count& count : one.counts) CHECK(count.x_px <= plot_px);
        CHECK(reach_of(one.notes) < few.width_px - few.margin_left_px);
    }
    CHECK(figure_with_steps(detailed_sends_max + 1).details.empty());
}

TEST_CASE("gnuplot turns figures of every size into whole pictures of every kind", "[plot]") {
    const TempDir dir;
    for (const std::string ending : {"png", "svg", "PDF"}) {
        for (const std::uint32_t count : {1U, 60U, 900U}) {
            std::vector<SendHistory> history;
            for (std::uint32_t i = 0; i < count; ++i) {
                history.push_back(i % 7 == 3 ? misused_send(i + 1, 90 * i, 50)
                                             : good_send(i + 1, 90 * i));
                history.back().copied = i % 5 == 0;
                if (i % 11 == 10) history.back().notified_ns.reset();
            }
            const std::string path = dir / (std::to_string(count) + "." + ending);
            LifecycleView view = view_of_test();
            view.file = "it's \\n {/a} \"name\"\n@with_all %s";
            Picture picture(path);
            view.kind = picture.kind();
            const LifecycleFigure figure = lay_out_lifecycle(report_of(history), view);
            picture.draw([&](Gnuplot& gp) { draw_lifecycle(gp, figure); });
            const std::string bytes = text_of_file(path);
            INFO(path);
            CHECK(bytes.size() > 2000);
            CHECK(bytes.find(ending == "png" ? "PNG" : ending == "svg" ? "<svg" : "%PDF") < 300);
            if (ending == "svg") CHECK(bytes.find("it's \\n {/a}") != std::string::npos);
        }
    }
    CHECK(files_in(dir / "") == 9);
}

TEST_CASE("a drawing that fails leaves the old picture and nothing else", "[plot]") {
    const TempDir dir;
    std::ofstream(dir / "old.png") << "the old picture";
    CHECK(refused_with([&] {
              Picture picture(dir / "old.png");
              picture.draw([](Gnuplot& gp) { gp << "set terminal pngcairo\nplot nonsense(\n"; });
          }) == Status::unable);
    CHECK(text_of_file(dir / "old.png") == "the old picture");
    CHECK(files_in(dir / "") == 1);
}

TEST_CASE("without gnuplot the package to install is named", "[plot]") {
    const TempDir dir;
    const TempDir empty;
    std::string said;
    try {
        Picture picture(dir / "a.png");
        const WithPath path(empty / "");
        picture.draw([](Gnuplot& gp) { gp << "plot x\n"; });
    } catch (const Refusal& refusal) {
        said = refusal.what();
        CHECK(refusal.status() == Status::unable);
    }
    CHECK(said.find("apt-get install gnuplot-nox") != std::string::npos);
    CHECK(files_in(dir / "") == 0);
}

TEST_CASE("a picture cut short by gnuplot is not handed out", "[plot]") {
    const TempDir dir;
    const TempDir tools;
    std::ofstream(tools / "gnuplot") << "#!/bin/sh\nprintf '\\211PNG half of it'\n";
    chmod((tools / "gnuplot").c_str(), 0755);
    CHECK(refused_with([&] {
              Picture picture(dir / "a.png");
              const WithPath path((tools / "") + ":/bin");
              picture.draw([](Gnuplot& gp) { gp << "plot x\n"; });
          }) == Status::usage);
    CHECK(files_in(dir / "") == 0);
}

TEST_CASE("a picture replaces what a link points at, not the link", "[plot]") {
    const TempDir dir;
    std::ofstream(dir / "real.png") << "old";
    std::filesystem::create_symlink(dir / "real.png", dir / "link.png");
    Picture picture(dir / "link.png");
    picture.draw([](Gnuplot& gp) { gp << "set terminal pngcairo\nplot x\n"; });
    CHECK(std::filesystem::is_symlink(dir / "link.png"));
    CHECK(std::filesystem::file_size(dir / "real.png") > 1000);
}

TEST_CASE("devices and directories are no place for a picture", "[plot]") {
    const TempDir dir;
    std::filesystem::create_directory(dir / "d.png");
    std::filesystem::create_symlink("/dev/null", dir / "null.png");
    CHECK(refused_with([&] { Picture{dir / "d.png"}; }) == Status::usage);
    CHECK(refused_with([&] { Picture{dir / "null.png"}; }) == Status::usage);
    CHECK(files_in(dir / "") == 2);
}

TEST_CASE("a text for gnuplot is one quoted line", "[plot]") {
    CHECK(gnuplot_quoted("it's") == "'it''s'");
    CHECK(gnuplot_quoted("a\nb\tc") == "'a?b?c'");
}
