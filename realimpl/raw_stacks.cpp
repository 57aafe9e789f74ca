#include "realimpl/raw_stacks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>

namespace zcv {
namespace {

// More would be a program that comes from ever new places; these are then told by their frame
// pointers only.
constexpr std::size_t samples_max = 1024;
constexpr std::size_t program_counter = ZCV_SAMPLE_REGISTERS - 1, stack_pointer = 7;
constexpr std::uint64_t chunk_bytes = 512;

}  // namespace

// A hash of what is on the stack and would be a place in code: of two calls by one way it is mostly
// the same, and of two ways it differs.
std::uint64_t RawStacks::code_words(std::uint32_t tgid, const std::vector<std::uint64_t>& memory) {
    const std::vector<RawMapping>& maps = code_[tgid].maps;
    std::uint64_t hash = 1;
    for (const std::uint64_t word : memory)
        if (std::ranges::any_of(
                maps, [&](const RawMapping& m) { return word >= m.begin && word < m.end; }))
            hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
    return hash;
}

std::uint32_t RawStacks::number_of(std::uint32_t tgid, Place place) {
    if (place.ips.empty()) return 0;
    if (!code_.contains(tgid)) read_maps(tgid);
    if (samples_ >= samples_max) place.memory.clear();
    const Key key{tgid, place.ips, place.memory.empty() ? 0 : code_words(tgid, place.memory)};
    const auto [found, is_new] =
        numbers_.try_emplace(key, static_cast<std::uint32_t>(numbers_.size() + 1));
    if (!is_new) return found->second;
    RawStack stack;
    stack.number = found->second;
    for (const std::uint64_t ip : place.ips) {
        const std::optional<RawFrame> frame = frame_at(tgid, ip);
        // Without frame pointers the chain soon leads to what is no code: no caller either.
        if (!frame) break;
        stack.frames.push_back(*frame);
    }
    Code& code = code_[tgid];
    if (!code.told) stack.maps = code.maps;
    code.told = true;
    stack.sample.number = stack.number;
    stack.sample.tgid = tgid;
    std::ranges::copy(place.registers, stack.sample.registers);
    stack.memory = std::move(place.memory);
    samples_ += stack.memory.empty() ? 0U : 1U;
    new_.push_back(std::move(stack));
    return found->second;
}

std::vector<RawMapping> code_mapped_into(std::uint32_t tgid) {
    std::vector<RawMapping> code;
    std::ifstream maps{fmt::format("/proc/{}/maps", tgid)};
    for (std::string line; std::getline(maps, line);) {
        RawMapping mapping;
        char dash = 0;
        std::string flags, device, inode;
        std::istringstream words{line};
        words >> std::hex >> mapping.begin >> dash >> mapping.end >> flags >> mapping.offset >>
            device >> inode;
        std::getline(words >> std::ws, mapping.module);
        if (!mapping.module.starts_with('/')) mapping.module.clear();
        if (flags.find('x') != std::string::npos) code.push_back(mapping);
    }
    return code;
}

void RawStacks::read_maps(std::uint32_t tgid) {
    code_[tgid] = {.maps = code_mapped_into(tgid)};
}

// Libraries come and go, so an address that is in no known mapping is looked up once more.
std::optional<RawFrame> RawStacks::frame_at(std::uint32_t tgid, std::uint64_t ip) {
    for (int attempt = 0; attempt < 2; ++attempt) {
        for (const RawMapping& mapping : code_[tgid].maps)
            if (ip >= mapping.begin && ip < mapping.end)
                return RawFrame{ip, mapping.module,
                                mapping.module.empty() ? 0 : ip - mapping.begin + mapping.offset};
        if (attempt == 0) read_maps(tgid);
    }
    return std::nullopt;
}

std::uint32_t RawStacks::number_of(const zcv_stack_sample& sample) {
    Place place;
    std::copy(std::begin(sample.registers), std::end(sample.registers), place.registers.begin());
    place.ips.push_back(place.registers[program_counter]);
    // It begins at the stack pointer rounded down.
    const std::uint64_t below = place.registers[stack_pointer] % chunk_bytes / 8;
    if (below < sample.words)
        place.memory.assign(sample.memory + below, sample.memory + sample.words);
    return number_of(sample.tgid, std::move(place));
}

std::vector<RawStack> RawStacks::take_new() {
    return std::exchange(new_, {});
}

}  // namespace zcv
