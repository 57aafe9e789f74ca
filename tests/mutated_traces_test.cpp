// Captures with one thing wrong are not taken for right ones: more than ten thousand seeded
// changes, counted by kind of record in golden/mutated-traces.md; the same again with the records
// numbered anew, so that the file knows nothing of it, in golden/mutated-traces-mended.md. What
// leaves a trace that could as well have been recorded is listed there with the reason.
#include "tests/mutated_traces.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>

#include "tests/captured.hpp"
#include "tests/program.hpp"

using namespace zcv;
using namespace zcv::test;

namespace {

constexpr int draws = 3;  // of each kind of record, way to change it, field and capture

struct Tally {
    std::size_t at_place = 0, elsewhere = 0, as_a_whole = 0, valid = 0, missed = 0;

    std::size_t all() const { return at_place + elsewhere + as_a_whole + valid + missed; }
    void add(Seen seen, bool is_valid) {
        if (seen == Seen::at_place) ++at_place;
        if (seen == Seen::elsewhere) ++elsewhere;
        if (seen == Seen::as_a_whole) ++as_a_whole;
        if (seen == Seen::not_at_all) ++(is_valid ? valid : missed);
    }
};

struct Table {
    std::map<std::string, Tally> by_kind;
    Tally all;
    std::map<const AsValid*, std::size_t> reasons;
    std::map<std::string, std::size_t> missed;  // "submit changed hash": how often
};

void mutate_all(const std::filesystem::path& file, std::uint32_t seed, bool mends, Table& table) {
    Mutator mutator(read_trace(file.string()), seed, mends);
    const ReplayReport whole = replay(mutator.whole(), {});
    if (whole.verdict == Verdict::inconclusive) return;  // what is not known cannot get worse
    std::map<std::uint16_t, std::vector<std::size_t>> records;
    for (std::size_t i = 0; i < mutator.whole().events.size(); ++i)
        records[mutator.whole().events[i].kind].push_back(i);
    const auto mutate = [&](std::size_t record, How how, const FieldOfRecord* field) {
        Trace trace;
        const auto mutation = mutator.mutate(trace, how, record, field);
        if (!mutation) return;
        const Seen where = seen(whole, replay(trace, {}), trace, *mutation);
        const AsValid* const valid = reason_to_be_valid(*mutation);
        table.by_kind[zcv::name_of(zcv_event_kind(mutation->kind))].add(where, valid != nullptr);
        table.all.add(where, valid != nullptr);
        if (where != Seen::not_at_all) return;
        if (valid != nullptr)
            ++table.reasons[valid];
        else
            ++table.missed[mutation->words];
    };
    for (const auto& of_kind : records)
        for (int draw = 0; draw < draws; ++draw) {
            const auto any = [&] { return of_kind.second[mutator.below(of_kind.second.size())]; };
            for (const How how : {How::dropped, How::doubled, How::moved})
                mutate(any(), how, nullptr);
            for (const FieldOfRecord& field : fields_of_records())
                mutate(any(), How::changed, &field);
        }
}

std::string row(const std::string& name, const Tally& tally) {
    return fmt::format("| {} | {} | {} | {} | {} | {} | {} |\n", name, tally.all(), tally.at_place,
                       tally.elsewhere, tally.as_a_whole, tally.valid, tally.missed);
}

std::string page_of(const Table& table) {
    std::string text =
        "| record | changes | shown there | shown elsewhere | shown as a whole | as valid | not "
        "shown |\n|---|---|---|---|---|---|---|\n";
    for (const auto& [kind, tally] : table.by_kind) text += row(kind, tally);
    text += row("all", table.all);
    text += "\n| as valid as before | times | because |\n|---|---|---|\n";
    for (const AsValid& valid : valid_all_the_same()) {
        const auto times = table.reasons.find(&valid);
        text += fmt::format("| {} | {} | {} |\n", valid.words(),
                            times == table.reasons.end() ? 0 : times->second, valid.because);
    }
    text += "\n| not shown | times |\n|---|---|\n";
    for (const auto& [words, times] : table.missed)
        text += fmt::format("| {} | {} |\n", words, times);
    return text;
}

}  // namespace

TEST_CASE("a capture with one thing wrong is not taken for a right one", "[replay][mutated]") {
    const bool mends = GENERATE(false, true);
    Table table;
    std::uint32_t seed = 1;
    for (const auto& file : captures()) mutate_all(file, seed++, mends, table);
    const std::string text = page_of(table);
    const std::string golden = std::string(ZCV_SOURCE_DIR) + "/tests/golden/mutated-traces" +
                               (mends ? "-mended" : "") + ".md";
    if (std::getenv("ZCV_REWRITE") != nullptr) std::ofstream(golden) << text;
    CHECK(text == text_of_file(golden));

    const std::size_t wrong = table.all.all() - table.all.valid;
    CHECK(table.all.all() >= 10'000);
    CHECK(table.all.missed * 100 <= wrong);
    if (!mends) return;
    for (const AsValid& valid : valid_all_the_same()) {
        INFO(valid.words());
        CHECK(table.reasons.contains(&valid));
    }
}
