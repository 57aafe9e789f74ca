#include <utility>

#include "model/next.hpp"
#include "model/packing.hpp"
#include "traces/binding_walk.hpp"

// What a walk says of its objects, in words.
namespace zcv {

void Walk::mismatch(std::string why, std::vector<std::string> around,
                    std::vector<std::string> instead) const {
    throw MismatchError{{std::move(why), std::move(around), std::move(instead)}};
}

std::uint32_t Walk::send_of(std::size_t record) const {
    const std::uint32_t life = ahead_.life_of[record];
    return life != 0 ? ahead_.lives[life].owner : ahead_.send_of[record];
}

std::vector<checker::Field> Walk::fields_of(std::uint32_t generation) const {
    const Send* const found = sends_.find(generation);
    return found == nullptr ? std::vector<checker::Field>{} : fields_of(*found);
}

std::vector<checker::Field> Walk::fields_of(const Send& send) const {
    FieldLister lister;
    const auto list = [&](auto id) {
        if (id == none<decltype(id)>) return;
        auto copy = s_[id];
        lister.object(id);
        copy.fields(lister);
    };
    list(send.request);
    list(send.notif);
    if (send.notif != none<UbufId> && s_[send.notif].head != send.notif)
        list(UbufId{s_[send.notif].head});
    for (const std::uint32_t life : send.lives)
        if (!lives_[life].gone) list(lives_[life].shinfo);
    list(send.sock);
    return lister.take();
}

std::vector<std::string> Walk::around(const Send& send) const {
    return one_line_each(fields_of(send));
}

std::vector<std::string> Walk::enabled_for(const Send& send) const {
    std::vector<std::string> names;
    enabled_request_steps(s_, send.request, names, Steps{});
    return names;
}

}  // namespace zcv
