#include "plots/lifecycle_layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

namespace zcv {
namespace {

// Below two pixels a row nobody can tell rows apart, and above a screen or two nobody scrolls: more
// sends than this are sampled.
constexpr std::size_t rows_max = 700;
constexpr std::size_t misused_rows_max = 500;
constexpr double rows_px_target = 1000;
constexpr double row_px_max = 46;
constexpr double row_px_min = 2.2;
constexpr double labelled_row_px = 12.5;  // from here on every row has its label
constexpr double label_points = 10;
constexpr double callout_points = 11;

// Rows start at their own submission when a typical request is shorter than this part of the run.
constexpr double sliver = 1.0 / 12;

// Nanoseconds by which a reuse came before the notification; 0 when the trace only proves that it
// did, not when.
std::uint64_t early_by(const SendHistory& send, std::uint64_t trace_end) {
    if (!send.reused_early || !send.reused_ns) return 0;
    const std::uint64_t due = send.notified_ns.value_or(trace_end);
    return due > *send.reused_ns ? due - *send.reused_ns : 0;
}

struct Scale {
    double per_ns;
    const char* unit;
};

Scale scale_for(std::uint64_t span_ns) {
    if (span_ns < 2'000'000) return {1e-3, "us"};
    if (span_ns < 20'000'000'000) return {1e-6, "ms"};
    return {1e-9, "s"};
}

std::uint64_t later(std::uint64_t at, std::uint64_t by) {
    return by > std::numeric_limits<std::uint64_t>::max() - at
               ? std::numeric_limits<std::uint64_t>::max()
               : at + by;
}

// The stretch of the trace to draw, on the trace's clock.
struct Window {
    std::uint64_t base;  // the first submission
    std::uint64_t from;
    std::uint64_t to;
    std::uint64_t trace_end;
};

bool is_wanted(const SendHistory& send, const LifecycleView& view) {
    return (!view.request || send.user_data == *view.request) &&
           (!view.socket || send.sock == *view.socket);
}

Window window_of(const ReplayReport& report, const LifecycleView& view) {
    Window window{std::numeric_limits<std::uint64_t>::max(), 0, 0, 0};
    for (const SendHistory& send : report.history) {
        window.base = std::min(window.base, send.submitted_ns);
        window.trace_end = std::max(window.trace_end, end_of(send));
    }
    // Traces are input: clocks near the end of their range must not wrap here.
    const auto moment = [&](double ms) {
        const double ns = ms * 1e6;
        const std::uint64_t length = window.trace_end - window.base;
        return ns < static_cast<double>(length) ? window.base + static_cast<std::uint64_t>(ns)
                                                : later(window.trace_end, 1'000'000);
    };
    window.from = window.base;
    window.to = window.trace_end;
    if (view.request || view.socket) {
        std::uint64_t first = window.trace_end, last = window.base;
        for (const SendHistory& send : report.history) {
            if (!is_wanted(send, view)) continue;
            first = std::min(first, send.submitted_ns);
            last = std::max(last, send.notified_ns ? end_of(send) : window.trace_end);
        }
        if (first <= last) window.from = first, window.to = last;
    }
    if (view.from_ms) window.from = moment(*view.from_ms);
    if (view.to_ms) window.to = moment(*view.to_ms);
    window.to = std::max(window.to, later(window.from, 1000));  // an axis needs a length
    return window;
}

std::vector<const SendHistory*> sends_in(const ReplayReport& report, const LifecycleView& view,
                                         const Window& window) {
    std::vector<const SendHistory*> sends;
    for (const SendHistory& send : report.history) {
        if (!is_wanted(send, view)) continue;
        const std::uint64_t end = send.notified_ns ? end_of(send) : window.trace_end;
        if (send.submitted_ns <= window.to && end >= window.from) sends.push_back(&send);
    }
    return sends;
}

const SendHistory* worst_of(const std::vector<const SendHistory*>& sends, const Window& window) {
    const SendHistory* worst = nullptr;
    for (const SendHistory* send : sends) {
        if (!send->reused_early) continue;
        if (worst == nullptr ||
            early_by(*send, window.trace_end) > early_by(*worst, window.trace_end)) {
            worst = send;
        }
    }
    return worst;
}

std::string every(std::size_t stride) {
    const char* ending = stride % 100 / 10 == 1 ? "th"
                         : stride % 10 == 1     ? "st"
                         : stride % 10 == 2     ? "nd"
                         : stride % 10 == 3     ? "rd"
                                                : "th";
    return fmt::format("every {}{}", stride, ending);
}

// Keeps what a reader came for: all misused sends while they fit, the worst one always, and an even
// sample of the rest. Says in `notes` what was left out.
std::vector<const SendHistory*> sample(const std::vector<const SendHistory*>& sends,
                                       const SendHistory* worst, std::vector<std::string>& notes) {
    if (sends.size() <= rows_max) return sends;
    const auto misused = static_cast<std::size_t>(std::count_if(
        sends.begin(), sends.end(), [](const SendHistory* send) { return send->reused_early; }));
    const std::size_t misused_kept = std::min(misused, misused_rows_max);
    const std::size_t rest = sends.size() - misused;
    const std::size_t rest_kept = rows_max - misused_kept;
    const std::size_t stride = std::max<std::size_t>(1, (rest + rest_kept - 1) / rest_kept);
    const std::size_t misused_stride =
        misused_kept == 0 ? 1 : (misused + misused_kept - 1) / misused_kept;
    std::vector<const SendHistory*> kept;
    std::size_t seen = 0;
    std::size_t misused_seen = 0;
    for (const SendHistory* send : sends) {
        const bool keep =
            send->reused_early ? misused_seen++ % misused_stride == 0 : seen++ % stride == 0;
        if (keep || send == worst) kept.push_back(send);
    }
    std::string note = fmt::format("drawn: {} of {} sends", every(stride), sends.size());
    if (misused > 0 && misused_stride == 1) {
        note += fmt::format("; misused ones all kept ({})", misused);
    } else if (misused > 0) {
        note += fmt::format("; {} of the {} misused ones, the worst among them",
                            every(misused_stride), misused);
    }
    notes.push_back(note);
    return kept;
}

// How long requests of this run take, for an axis on which they all start at zero: long enough for
// nearly all of them, and not ruined by one that took a thousand times as long.
struct Lifetimes {
    std::uint64_t typical = 0;
    std::uint64_t axis = 0;
};

Lifetimes lifetimes_of(const std::vector<const SendHistory*>& sends) {
    std::vector<std::uint64_t> all;
    for (const SendHistory* send : sends) all.push_back(end_of(*send) - send->submitted_ns);
    std::sort(all.begin(), all.end());
    const std::uint64_t most = all[(all.size() - 1) * 97 / 100];
    return {all[all.size() / 2],
            std::max<std::uint64_t>(1000, std::min(all.back(), later(most, most)))};
}

// What was asked to be shown, for who gets nothing.
std::string asked_for(const LifecycleView& view) {
    std::string words;
    if (view.request) words += fmt::format("of --request {:#x} ", *view.request);
    if (view.socket) words += fmt::format("on --socket {:#x} ", *view.socket);
    if (view.from_ms || view.to_ms || words.empty()) words += "between --from and --to ";
    words.pop_back();
    return words;
}

// Builds one figure; the members are what every part of it needs.
class Layout {
  public:
    Layout(const ReplayReport& report, const LifecycleView& view)
        : report_(report), window_(window_of(report, view)) {
        figure_.kind = view.kind;
        figure_.width_px = view.width_px;
        figure_.theme = view.theme;
        const std::vector<const SendHistory*> visible = sends_in(report, view, window_);
        if (visible.empty()) {
            throw Refusal(
                Status::inconclusive,
                fmt::format("{}: nothing to draw: no send {}: the trace lasts {}", view.file,
                            asked_for(view), duration_text(window_.trace_end - window_.base)));
        }
        worst_ = worst_of(visible, window_);
        sends_ = sample(visible, worst_, figure_.notes);
        sampled_ = sends_.size() < visible.size();
        figure_.latency = lay_out_latency(visible);
        choose_axis(visible, view);
        size();
        lay_out_details(view.steps);
        titles(view);
        for (std::size_t row = 0; row < sends_.size(); ++row) add_row(row, *sends_[row]);
        if (!figure_.cut.empty()) {
            figure_.notes.push_back(fmt::format(
                "{} bars go on past the right edge: see --since first", figure_.cut.size()));
        }
        add_callout();
    }

    LifecycleFigure figure() && { return std::move(figure_); }

  private:
    // What a row's zero is and which part of it fits, on the trace's clock.
    struct RowClock {
        std::uint64_t origin;
        std::uint64_t first;
        std::uint64_t last;
    };

    double on_axis(std::uint64_t ns) const {
        const double after = ns >= clock_.origin ? static_cast<double>(ns - clock_.origin)
                                                 : -static_cast<double>(clock_.origin - ns);
        return after * scale_.per_ns;
    }
    double units_per_px() const {
        const int px = figure_.width_px - figure_.margin_left_px - figure_.margin_right_px;
        return (figure_.to - figure_.from + figure_.gutter) / std::max(100, px);
    }

    void choose_axis(const std::vector<const SendHistory*>& visible, const LifecycleView& view);
    void size();
    std::vector<SendDetails> details_of(const std::vector<SendSteps>& all);
    void lay_out_details(const std::vector<SendSteps>& all);
    void label_rows();
    void set_clock(const SendHistory& send);
    void titles(const LifecycleView& view);
    void add_row(std::size_t row, const SendHistory& send);
    void add_phases(std::size_t row, const SendHistory& send, std::uint64_t end);
    void add_misuse(std::size_t row, const SendHistory& send, std::uint64_t end);
    void add_span(std::vector<Span>& spans, std::size_t row, std::uint64_t from, std::uint64_t to,
                  double least_px);
    void add_mark(std::vector<Mark>& marks, std::size_t row, std::uint64_t at);
    void add_callout();
    void place_callout(Callout& note, double stretch_to) const;
    double covered(const Callout& note) const;

    const ReplayReport& report_;
    Window window_;
    Scale scale_{};
    RowClock clock_{};
    std::uint64_t axis_ns_ = 0;  // length of the axis when rows start at their own submission
    std::vector<const SendHistory*> sends_;
    bool sampled_ = false;
    const SendHistory* worst_ = nullptr;
    LifecycleFigure figure_;
};

void Layout::choose_axis(const std::vector<const SendHistory*>& visible,
                         const LifecycleView& view) {
    const Lifetimes lifetimes = lifetimes_of(visible);
    const std::uint64_t length = window_.to - window_.from;
    const bool slivers =
        static_cast<double>(lifetimes.typical) < static_cast<double>(length) * sliver;
    figure_.since = view.since.value_or(slivers && visible.size() > 1 ? Since::own_submission
                                                                      : Since::first_submission);
    clock_ = {window_.base, window_.from, window_.to};
    if (figure_.since == Since::own_submission) {
        axis_ns_ = lifetimes.axis;
        if (worst_ != nullptr) {
            axis_ns_ = std::max(axis_ns_, end_of(*worst_) - worst_->submitted_ns);
        }
        clock_ = {0, 0, axis_ns_};
    }
    scale_ = scale_for(clock_.last - clock_.first);
    figure_.unit = scale_.unit;
    figure_.from = on_axis(clock_.first);
    figure_.to = std::max(on_axis(clock_.last), figure_.from + 1);
}

void Layout::size() {
    figure_.rows = sends_.size();
    const double rows = static_cast<double>(figure_.rows);
    figure_.row_px = std::clamp(rows_px_target / rows, row_px_min, row_px_max);
    const double rows_px = std::max(figure_.row_px * rows, 160.0);
    figure_.plot_height_px = static_cast<int>(std::lround(rows_px));
    figure_.row_px = rows_px / rows;
    label_rows();
    double widest = 0;
    for (const RowLabel& label : figure_.labels) {
        widest = std::max(widest, text_width_px(label.text, label_points));
    }
    figure_.margin_left_px = 36 + static_cast<int>(widest);
    widest = 0;
    for (const RowLabel& label : figure_.submitted_at) {
        widest = std::max(widest, text_width_px(label.text, label_points));
    }
    if (widest > 0) figure_.margin_right_px = 30 + static_cast<int>(widest);
    const int plot_px =
        std::max(100, figure_.width_px - figure_.margin_left_px - figure_.margin_right_px);
    const double length = figure_.to - figure_.from;
    figure_.gutter = length * 16 / plot_px;
    figure_.to += length * 0.012;
}

// Few rows: every one says which request it is. Many: round numbers, far enough apart to read.
void Layout::label_rows() {
    const bool every_row = figure_.row_px >= labelled_row_px;
    const auto rows_apart =
        static_cast<std::size_t>(std::ceil((every_row ? 12 : 30) / figure_.row_px));
    std::uint32_t step = 1;
    for (const std::uint32_t next : {2U, 5U, 10U, 20U, 50U, 100U, 200U, 500U}) {
        if (step >= rows_apart) break;
        step = next;
    }
    std::size_t last = 0;
    for (std::size_t row = 0; row < sends_.size(); ++row) {
        const SendHistory& send = *sends_[row];
        const bool round = sampled_ || every_row || send.number % step == 0;
        if (row > 0 && (!round || row - last < rows_apart)) continue;
        figure_.labels.push_back(
            {row, every_row ? fmt::format("#{} ud={:#x}", send.number, send.user_data)
                            : fmt::format("#{}", send.number)});
        if (figure_.since == Since::own_submission) {
            figure_.submitted_at.push_back(
                {row, "at " + duration_text(send.submitted_ns - window_.base)});
        }
        last = row;
    }
}

void Layout::titles(const LifecycleView& view) {
    figure_.title = view.file;
    const double room = figure_.width_px - figure_.margin_left_px - 280;
    std::size_t begin = 0;
    while (begin < view.file.size() && text_width_px(figure_.title, 17) > room) {
        do ++begin;
        while (begin < view.file.size() && (view.file[begin] & 0xc0) == 0x80);
        figure_.title = "..." + view.file.substr(begin);
    }
    figure_.verdict = report_.verdict;
    const auto misused = std::count_if(report_.history.begin(), report_.history.end(),
                                       [](const SendHistory& send) { return send.reused_early; });
    figure_.facts = {"kernel " + (view.kernel.empty() ? "unknown" : view.kernel),
                     "profile " + (report_.profile.empty() ? "none" : report_.profile),
                     fmt::format("{} send{}", report_.sends, report_.sends == 1 ? "" : "s"),
                     fmt::format("{} notified", report_.notified),
                     fmt::format("{} copied", report_.copied),
                     fmt::format("{} reused too early", misused),
                     fmt::format("{} of {} records matched", report_.matched, report_.records),
                     fmt::format("{} lost", report_.lost)};
    if (view.from_ms) figure_.facts.push_back(fmt::format("from {:g} ms", *view.from_ms));
    if (view.to_ms) figure_.facts.push_back(fmt::format("to {:g} ms", *view.to_ms));
    if (view.request) figure_.facts.push_back(fmt::format("only request {:#x}", *view.request));
    if (view.socket) figure_.facts.push_back(fmt::format("only socket {:#x}", *view.socket));
    if (report_.verdict == Verdict::inconclusive && !report_.reasons.empty()) {
        figure_.notes.push_back("inconclusive: " + report_.reasons.front());
    }
}

// Where a row's zero is.
void Layout::set_clock(const SendHistory& send) {
    if (figure_.since == Since::own_submission)
        clock_ = {send.submitted_ns, send.submitted_ns, later(send.submitted_ns, axis_ns_)};
}

std::vector<SendDetails> Layout::details_of(const std::vector<SendSteps>& all) {
    const auto place = [&](std::uint64_t ns) {
        return (on_axis(std::clamp(ns, clock_.first, clock_.last)) - figure_.from) / units_per_px();
    };
    std::vector<SendDetails> details;
    for (std::size_t row = 0; row < sends_.size(); ++row) {
        const SendHistory& send = *sends_[row];
        const auto found = std::ranges::find_if(
            all, [&](const SendSteps& one) { return one.refs.send == send.number; });
        if (found == all.end()) continue;
        set_clock(send);
        SendDetails& one = details.emplace_back();
        one.row = row;
        for (const RefLife::Count& count : found->refs.counts) {
            if (count.time_ns > clock_.last) break;
            if (count.time_ns < clock_.first) one.counts.clear();  // only the last of them shows
            one.counts.push_back({place(count.time_ns), count.refs});
        }
        one.end_px = place(send.notified_ns.value_or(window_.trace_end));
        std::vector<StepAt> steps;
        for (const SendSteps::Step& step : found->steps)
            if (step.time_ns >= clock_.first && step.time_ns <= clock_.last)
                steps.push_back({place(step.time_ns), step.function});
        one.notes = lay_out_notes(steps);
    }
    return details;
}

void Layout::lay_out_details(const std::vector<SendSteps>& all) {
    if (figure_.rows > detailed_sends_max) return;
    figure_.details = details_of(all);
    if (figure_.details.empty()) return;
    double reach = 0;
    for (const SendDetails& one : figure_.details) reach = std::max(reach, reach_of(one.notes));
    const int plot_px = figure_.width_px - figure_.margin_left_px - figure_.margin_right_px;
    if (reach > plot_px) {
        figure_.margin_right_px += static_cast<int>(reach) - plot_px;
        figure_.details = details_of(all);
    }
    figure_.details_size = size_of(figure_.details);
    figure_.row_px = figure_.details_size.row;
    figure_.top = -(figure_.details_size.bar_half + 14) / figure_.row_px;
    figure_.plot_height_px =
        static_cast<int>(std::lround(figure_.row_px * static_cast<double>(figure_.rows)));
}

void Layout::add_span(std::vector<Span>& spans, std::size_t row, std::uint64_t from,
                      std::uint64_t to, double least_px) {
    if (to < clock_.first || from > clock_.last) return;
    double left = on_axis(std::max(from, clock_.first));
    double right = on_axis(std::min(to, clock_.last));
    const double least = least_px * units_per_px();
    if (right - left < least) {
        left = std::max(figure_.from, (left + right - least) / 2);
        right = std::min(figure_.to, left + least);
    }
    spans.push_back({row, left, right});
}

void Layout::add_mark(std::vector<Mark>& marks, std::size_t row, std::uint64_t at) {
    if (at >= clock_.first && at <= clock_.last) marks.push_back({row, on_axis(at)});
}

void Layout::add_phases(std::size_t row, const SendHistory& send, std::uint64_t end) {
    for (const SendPhaseSpan& span : phases_of(send, end))
        add_span(figure_.phases[static_cast<std::size_t>(span.phase)], row, span.from_ns,
                 span.to_ns, 1);
}

void Layout::add_misuse(std::size_t row, const SendHistory& send, std::uint64_t end) {
    figure_.misuse_flags.push_back({row, figure_.from - figure_.gutter / 2});
    if (early_by(send, window_.trace_end) > 0) {
        const std::uint64_t reused = std::max(*send.reused_ns, send.submitted_ns);
        add_span(figure_.misused, row, reused, end, 3);
        add_mark(figure_.misuse_marks, row, reused);
        return;
    }
    add_span(figure_.misused_unsure, row, send.submitted_ns, end, 3);
    add_mark(figure_.misuse_marks, row, end);
}

void Layout::add_row(std::size_t row, const SendHistory& send) {
    set_clock(send);
    const std::uint64_t end =
        std::max(send.submitted_ns, send.notified_ns.value_or(window_.trace_end));
    add_phases(row, send, end);
    if (send.copied) add_span(figure_.copied, row, send.submitted_ns, end, 1);
    if (send.completed_ns) {
        add_mark(figure_.completed, row, std::max(*send.completed_ns, send.submitted_ns));
    }
    const Mark edge{row, figure_.to - 5 * units_per_px()};
    if (!send.notified_ns) {
        figure_.unnotified.push_back(edge);
    } else if (figure_.since == Since::own_submission && end > clock_.last) {
        figure_.cut.push_back(edge);
    }
    if (send.reused_early) {
        add_misuse(row, send, end);
    } else if (send.reused_ns) {
        add_mark(figure_.reused, row, *send.reused_ns);
    }
}

// Square pixels of bars under the box, with the misuse counted tenfold: the note must not hide what
// it is about.
double Layout::covered(const Callout& note) const {
    const double pad = 8;  // pixels of air around the box
    const double half_width = note.half_width + pad * units_per_px();
    const double half_height = note.half_height + pad / figure_.row_px;
    double area = 0;
    const auto add = [&](const std::vector<Span>& spans, double weight) {
        for (const Span& span : spans) {
            const double row = static_cast<double>(span.row);
            const double wide =
                std::min(span.to, note.x + half_width) - std::max(span.from, note.x - half_width);
            const double tall = std::min(row + 0.4, note.y + half_height) -
                                std::max(row - 0.4, note.y - half_height);
            if (wide > 0 && tall > 0) {
                area += weight * (wide / units_per_px()) * (tall * figure_.row_px);
            }
        }
    };
    for (const auto& spans : figure_.phases) add(spans, 1);
    add(figure_.misused, 10);
    add(figure_.misused_unsure, 10);
    for (const SendDetails& one : figure_.details) {
        const double from =
            static_cast<double>(one.row) + 0.5 * figure_.details_size.curve_top / figure_.row_px;
        const double tall =
            std::min(from + 0.7, note.y + half_height) - std::max(from, note.y - half_height);
        const double left = figure_.from + one.counts.front().x_px * units_per_px();
        const double wide =
            std::min(figure_.from + one.end_px * units_per_px(), note.x + half_width) -
            std::max(left, note.x - half_width);
        if (wide > 0 && tall > 0) area += wide / units_per_px() * tall * figure_.row_px;
    }
    for (const Mark& mark : figure_.reused) {
        const bool under = std::abs(mark.at - note.x) < half_width &&
                           std::abs(static_cast<double>(mark.row) - note.y) < half_height;
        if (under) area += 100;
    }
    return area;
}

// Tries places all over the plot and takes the one that hides least; of equals, the nearest.
void Layout::place_callout(Callout& note, double stretch_to) const {
    const double px = units_per_px();
    const double bottom = figure_.top + static_cast<double>(figure_.rows);
    const double step_x = 36 * px;
    const double step_y = std::max(bottom / 40, 12 / figure_.row_px);
    const double target_y = static_cast<double>(note.target.row);
    // Any part of the early stretch will do: the nearer, the less the arrow crosses.
    const double begin = note.target.at;
    const auto nearest = [&](double x) {
        return std::clamp(x, begin, std::max(begin, stretch_to));
    };
    double best = std::numeric_limits<double>::max();
    Callout found = note;
    for (note.x = figure_.from + note.half_width; note.x + note.half_width < figure_.to;
         note.x += step_x) {
        for (note.y = figure_.top + note.half_height; note.y + note.half_height <= bottom;
             note.y += step_y) {
            note.target.at = nearest(note.x);
            const double right = std::abs(note.x - note.target.at) - note.half_width;
            const double down = std::abs(note.y - target_y) - note.half_height;
            const double apart =
                std::hypot(std::max(0.0, right) / px, std::max(0.0, down) * figure_.row_px);
            const double cost = covered(note) + std::abs(apart - 40);
            if (cost >= best) continue;
            best = cost;
            found = note;
        }
    }
    note = found;
}

void Layout::add_callout() {
    const auto found = std::find(sends_.begin(), sends_.end(), worst_);
    if (worst_ == nullptr || found == sends_.end()) return;
    const auto row = static_cast<std::size_t>(found - sends_.begin());
    const auto mark = std::find_if(figure_.misuse_marks.begin(), figure_.misuse_marks.end(),
                                   [&](const Mark& m) { return m.row == row; });
    if (mark == figure_.misuse_marks.end()) return;
    const std::uint64_t early = early_by(*worst_, window_.trace_end);
    Callout note;
    note.target = *mark;
    note.text = fmt::format("send #{}: reused ", worst_->number);
    if (early == 0) {
        note.text += "before its notification";
    } else if (worst_->notified_ns) {
        note.text += duration_text(early) + " before its notification";
    } else {
        note.text += "and not notified in the " + duration_text(early) + " after";
    }
    note.half_width = (text_width_px(note.text, callout_points + 1) / 2 + 10) * units_per_px();
    note.half_height = 15 / figure_.row_px;
    if (2 * note.half_width >= figure_.to - figure_.from) return;
    double stretch_to = note.target.at;
    for (const Span& span : figure_.misused) {
        if (span.row == row) stretch_to = span.to;
    }
    place_callout(note, stretch_to);
    // Where the line between the two leaves the box.
    const double right = note.target.at - note.x;
    const double down = static_cast<double>(note.target.row) - note.y;
    const double steps =
        std::max(std::abs(right) / note.half_width, std::abs(down) / note.half_height);
    if (steps <= 1) return;  // the box would sit on what it points at; the title has the number
    note.arrow_x = note.x + right / steps;
    note.arrow_y = note.y + down / steps;
    figure_.worst = note;
}

}  // namespace

std::vector<const SendHistory*> sends_shown(const ReplayReport& report, const LifecycleView& view) {
    return sends_in(report, view, window_of(report, view));
}

LifecycleFigure lay_out_lifecycle(const ReplayReport& report, const LifecycleView& view) {
    if (report.history.empty()) {
        throw Refusal(Status::inconclusive,
                      fmt::format("{}: nothing to draw: no zero-copy send in the trace: capture a "
                                  "program that uses SEND_ZC",
                                  view.file));
    }
    return Layout(report, view).figure();
}

}  // namespace zcv
