#pragma once

#include <archive.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

// Debian packages and compressed modules read, an initramfs written: libarchive knows the formats.
namespace zcv::guest {

using Bytes = std::vector<char>;

struct CloseArchive {
    void operator()(archive* a) const { archive_free(a); }
};
using Archive = std::unique_ptr<archive, CloseArchive>;

// Calls `wants` with the name of each file of a Debian package's content, and `use` with the
// content of those it wants. Throws Refusal(usage) for a file that is none.
void each_file_of_package(const std::string& package,
                          const std::function<bool(const std::string& name)>& wants,
                          const std::function<void(const std::string& name, Bytes&&)>& use);

// A file that may be compressed, as it was before. Throws Refusal(usage) when it is damaged.
Bytes unpacked(const std::string& name, Bytes&& bytes);

// The whole of a file. Throws Refusal(usage).
Bytes content_of(const std::string& file);

// A root file system for a kernel to begin with, as it is written. Folders come by themselves.
class Initramfs {
  public:
    explicit Initramfs(const std::string& file);
    void add(const std::string& name, const char* bytes, std::size_t count, unsigned mode);
    void add(const std::string& name, const Bytes& bytes, unsigned mode) {
        add(name, bytes.data(), bytes.size(), mode);
    }
    // A program or other file of this machine under its own name, with the loader and libraries
    // that it asks for.
    void add_program(const std::string& path);
    void finish();

  private:
    void add_folders_of(const std::string& name);
    void add_entry(const std::string& name, unsigned type_and_mode, const char* bytes,
                   std::size_t count);

    std::string file_;
    Archive archive_;
    std::vector<std::string> there_;
};

}  // namespace zcv::guest
