#include "model/checker/visited.hpp"

#include <algorithm>
#include <cmath>
#include <new>

#include "model/ensure.hpp"

namespace zcv::checker {

GroupStore::GroupStore(Budget& budget, std::size_t words, unsigned threads)
    : table_(budget, ~std::uint64_t{0}, threads) {
    ZCV_CHECK(words == 1);
}

double CellStore::miss_probability(std::uint64_t states) const {
    if (words_ == 1) return 0;
    const auto n = static_cast<double>(states);
    return std::min(1.0, std::ldexp(n * n / 2, -64));
}

SlotStore::SlotStore(Budget& budget, std::size_t words, unsigned threads)
    : budget_(budget),
      table_(budget, hash_mask, threads),
      states_(budget.max()),
      words_(words),
      places_(threads) {}

bool SlotStore::next_chunk(Place& place) {
    const std::uint64_t bytes = chunk_states * words_ * sizeof(std::uint64_t);
    if (!budget_.take(bytes)) return false;
    const std::uint64_t first = chunks_.fetch_add(1) * chunk_states;
    const bool numbered = first + chunk_states < std::uint64_t{1} << number_bits;
    if (!numbered || (first + chunk_states) * words_ * sizeof(std::uint64_t) > states_.bytes()) {
        budget_.give(bytes);
        return false;
    }
    // A few chunks of all threads share a huge page; those beyond the first pages are worth one.
    if (first > 0 && first / chunk_states % 64 == 0)
        states_.make_huge(first * words_ * sizeof(std::uint64_t), bytes * 64);
    place = {first, first + chunk_states};
    return true;
}

BitStore::BitStore(Budget& budget, std::size_t words, unsigned threads)
    // Half of what may be used, for the frontier needs the rest; without a bound a gigabyte.
    : region_(budget.max() == 0 ? std::uint64_t{1} << 30 : budget.max() / 2),
      bits_(reinterpret_cast<std::atomic<std::uint64_t>*>(region_.data())),
      count_(region_.bytes() / sizeof(std::uint64_t)),
      words_(words) {
    if (!budget.take(budget.max() / 2)) throw std::bad_alloc();
    region_.want_huge(0, region_.bytes());
    for (unsigned i = 0; i < threads; ++i) hands_.emplace_back();
}

// Three bits in one word of 64: a new state is missed when all of its bits are set already. How
// many states share a word is Poisson distributed.
double BitStore::miss_probability(std::uint64_t states) const {
    const double a_word = static_cast<double>(states) / static_cast<double>(count_);
    double missed = 0;
    for (int k = 1; k < a_word + 10 * std::sqrt(a_word) + 20; ++k) {
        const double likely = std::exp(k * std::log(a_word) - a_word - std::lgamma(k + 1.0));
        missed += likely * std::pow(1 - std::pow(1 - 1.0 / 64, 3 * k), 3);
    }
    return states == 0 ? 0 : missed;
}

}  // namespace zcv::checker
