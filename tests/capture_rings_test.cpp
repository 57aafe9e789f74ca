// The reader's side of the observer's rings, on memory that a test writes as the kernel would.
#include "realimpl/capture_rings.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <catch2/catch.hpp>

namespace {

constexpr std::size_t cpus = 2;
constexpr std::uint32_t slots = 8;  // of each CPU

class Rings {
  public:
    Rings() : slots_fd_(shared(cpus * slots * sizeof(zcv_slot))), taken_fd_(shared(4096)) {
        slots_ = static_cast<zcv_slot*>(mapped(slots_fd_, cpus * slots * sizeof(zcv_slot)));
        taken_ = static_cast<zcv_taken*>(mapped(taken_fd_, 4096));
    }
    ~Rings() {
        close(slots_fd_);
        close(taken_fd_);
    }
    zcv::RecordRings reader() const { return {slots_fd_, taken_fd_, cpus, slots}; }

    // A slot is claimed; its record is there once it is published.
    zcv_slot& claim(std::size_t cpu, std::uint64_t time_ns) {
        const std::uint64_t position = claimed_[cpu]++;
        zcv_slot& slot = slots_[cpu * slots + position % slots];
        slot.stamp = 2 * position;
        slot.event = {};
        slot.event.time_ns = time_ns;
        slot.event.cpu = static_cast<std::uint16_t>(cpu);
        return slot;
    }
    void publish(zcv_slot& slot) { ++slot.stamp; }
    void record(std::size_t cpu, std::uint64_t time_ns) { publish(claim(cpu, time_ns)); }
    std::uint64_t taken(std::size_t cpu) const { return taken_[cpu].position; }

  private:
    static int shared(std::size_t bytes) {
        const int fd = memfd_create("rings", MFD_CLOEXEC);
        REQUIRE(ftruncate(fd, static_cast<off_t>(bytes)) == 0);
        return fd;
    }
    static void* mapped(int fd, std::size_t bytes) {
        void* const at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        REQUIRE(at != MAP_FAILED);
        return at;
    }
    int slots_fd_;
    int taken_fd_;
    zcv_slot* slots_ = nullptr;
    zcv_taken* taken_ = nullptr;
    std::uint64_t claimed_[cpus] = {};
};

std::vector<std::uint64_t> times(zcv::RecordRings& reader) {
    std::vector<zcv_event> events;
    reader.take(events);
    std::vector<std::uint64_t> all;
    for (const zcv_event& event : events) all.push_back(event.time_ns);
    return all;
}

using Times = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("records of all CPUs come in the order of their time", "[rings]") {
    Rings rings;
    zcv::RecordRings reader = rings.reader();
    CHECK(times(reader).empty());
    for (const std::uint64_t time : {10U, 30U, 50U}) rings.record(0, time);
    for (const std::uint64_t time : {20U, 40U, 60U}) rings.record(1, time);
    CHECK(times(reader) == Times{10, 20, 30, 40, 50, 60});
    CHECK(rings.taken(0) == 3);
    CHECK(rings.taken(1) == 3);
    CHECK(times(reader).empty());
}

TEST_CASE("nothing passes a record that is still being written", "[rings]") {
    Rings rings;
    zcv::RecordRings reader = rings.reader();
    zcv_slot& open = rings.claim(0, 12);  // its number comes after that of
    rings.record(0, 11);                  // an interrupt in its midst
    CHECK(times(reader).empty());
    CHECK(rings.taken(0) == 0);
    rings.publish(open);
    CHECK(times(reader) == Times{11, 12});
}

TEST_CASE("a slot is read once in each lap", "[rings]") {
    Rings rings;
    zcv::RecordRings reader = rings.reader();
    for (std::uint64_t lap = 0; lap < 5; ++lap) {
        Times written;
        for (std::uint32_t i = 0; i < slots; ++i) {
            written.push_back(lap * slots + i + 1);
            rings.record(1, written.back());
        }
        CHECK(times(reader) == written);
        CHECK(times(reader).empty());
    }
    CHECK(rings.taken(1) == 5 * slots);
}

TEST_CASE("the memory is shared among the CPUs in powers of two", "[rings]") {
    CHECK(zcv::RecordRings::slots_for(128U << 20U, 2) == 262144);
    CHECK(zcv::RecordRings::slots_for(128U << 20U, 64) == 8192);
    CHECK(zcv::RecordRings::slots_for(4096, 2) == 8);
    CHECK(zcv::RecordRings::slots_for(4096, 256) == 8);
}
