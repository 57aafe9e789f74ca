#include "realimpl/guest/archives.hpp"

#include <archive_entry.h>
#include <elf.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

#include "model/outcome.hpp"
#include "realimpl/guest/children.hpp"

namespace zcv::guest {
namespace {

[[noreturn]] void refuse(const std::string& file, const std::string& why) {
    throw Refusal(Status::usage, fmt::format("guest: {}: {}", file, why));
}

struct CloseEntry {
    void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

Bytes content_of(archive* a, const std::string& name) {
    Bytes bytes;
    std::array<char, 65536> block{};
    for (;;) {
        const la_ssize_t n = archive_read_data(a, block.data(), block.size());
        if (n == 0) return bytes;
        if (n < 0) refuse(name, "damaged: fetch it again");
        bytes.insert(bytes.end(), block.data(), block.data() + n);
    }
}

// The next block of the entry that another archive is at: a package is an archive in an archive.
la_ssize_t read_outer(archive*, void* outer, const void** block) {
    std::size_t bytes = 0;
    la_int64_t offset = 0;
    const int how = archive_read_data_block(static_cast<archive*>(outer), block, &bytes, &offset);
    if (how == ARCHIVE_EOF) return 0;
    return how == ARCHIVE_OK ? static_cast<la_ssize_t>(bytes) : -1;
}

// "PT_INTERP", the loader that an ELF program asks for; empty for anything else.
std::string loader_of(const Bytes& program) {
    Elf64_Ehdr header;
    if (program.size() < sizeof header) return "";
    std::memcpy(&header, program.data(), sizeof header);
    if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return "";
    for (unsigned i = 0; i < header.e_phnum; ++i) {
        Elf64_Phdr part;
        const std::size_t at = header.e_phoff + i * sizeof part;
        if (at + sizeof part > program.size()) return "";
        std::memcpy(&part, program.data() + at, sizeof part);
        if (part.p_type != PT_INTERP || part.p_offset + part.p_filesz > program.size()) continue;
        return {program.data() + part.p_offset,
                strnlen(program.data() + part.p_offset, part.p_filesz)};
    }
    return "";
}

// What the loader would load, asked from the loader itself: "name => /path (0x...)".
std::vector<std::string> libraries_of(const std::string& loader, const std::string& program) {
    std::istringstream lines(output_of({loader, "--list", program}));
    std::vector<std::string> libraries;
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        const std::vector<std::string> all(std::istream_iterator<std::string>(words), {});
        if (all.size() > 3 && all[1] == "=>" && all[2] == "not")
            refuse(program, fmt::format("needs the library {}, which is not here", all[0]));
        const auto path = std::find_if(all.begin(), all.end(),
                                       [](const std::string& word) { return word[0] == '/'; });
        if (path != all.end()) libraries.push_back(*path);
    }
    return libraries;
}

}  // namespace

void each_file_of_package(const std::string& package,
                          const std::function<bool(const std::string&)>& wants,
                          const std::function<void(const std::string&, Bytes&&)>& use) {
    const Archive outer(archive_read_new());
    archive_read_support_format_ar(outer.get());
    if (archive_read_open_filename(outer.get(), package.c_str(), 1 << 16) != ARCHIVE_OK)
        refuse(package, "is no Debian package: name one, a version or a kernel image");
    archive_entry* entry = nullptr;
    while (archive_read_next_header(outer.get(), &entry) == ARCHIVE_OK) {
        if (std::strncmp(archive_entry_pathname(entry), "data.tar", 8) != 0) continue;
        const Archive inner(archive_read_new());
        archive_read_support_filter_all(inner.get());
        archive_read_support_format_tar(inner.get());
        if (archive_read_open(inner.get(), outer.get(), nullptr, read_outer, nullptr) != ARCHIVE_OK)
            refuse(package, archive_error_string(inner.get()));
        int how = ARCHIVE_OK;
        while ((how = archive_read_next_header(inner.get(), &entry)) == ARCHIVE_OK) {
            const std::string name = archive_entry_pathname(entry);
            if (archive_entry_filetype(entry) == AE_IFREG && wants(name))
                use(name, content_of(inner.get(), package));
        }
        if (how != ARCHIVE_EOF) refuse(package, archive_error_string(inner.get()));
        return;
    }
    refuse(package, "is no Debian package: name one, a version or a kernel image");
}

Bytes unpacked(const std::string& name, Bytes&& bytes) {
    const Archive packed(archive_read_new());
    archive_read_support_filter_all(packed.get());
    archive_read_support_format_raw(packed.get());
    archive_entry* entry = nullptr;
    if (archive_read_open_memory(packed.get(), bytes.data(), bytes.size()) != ARCHIVE_OK ||
        archive_read_next_header(packed.get(), &entry) != ARCHIVE_OK)
        refuse(name, "cannot be unpacked");
    return content_of(packed.get(), name);
}

Bytes content_of(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    Bytes bytes{std::istreambuf_iterator<char>(in), {}};
    if (!in.is_open() || in.bad()) refuse(file, "cannot be read");
    return bytes;
}

Initramfs::Initramfs(const std::string& file) : file_(file), archive_(archive_write_new()) {
    archive_write_set_format_cpio_newc(archive_.get());
    if (archive_write_open_filename(archive_.get(), file.c_str()) != ARCHIVE_OK)
        refuse(file, archive_error_string(archive_.get()));
}

void Initramfs::add_entry(const std::string& name, unsigned type_and_mode, const char* bytes,
                          std::size_t count) {
    const std::unique_ptr<archive_entry, CloseEntry> entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), name.c_str() + (name.front() == '/' ? 1 : 0));
    archive_entry_set_mode(entry.get(), static_cast<mode_t>(type_and_mode));
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(count));
    const bool written =
        archive_write_header(archive_.get(), entry.get()) == ARCHIVE_OK &&
        archive_write_data(archive_.get(), bytes, count) == static_cast<la_ssize_t>(count);
    if (!written) refuse(file_, archive_error_string(archive_.get()));
}

void Initramfs::add_folders_of(const std::string& name) {
    for (std::size_t at = name.find('/', 1); at != std::string::npos; at = name.find('/', at + 1)) {
        const std::string folder = name.substr(0, at);
        if (std::find(there_.begin(), there_.end(), folder) != there_.end()) continue;
        there_.push_back(folder);
        add_entry(folder, S_IFDIR | 0755, nullptr, 0);
    }
}

void Initramfs::add(const std::string& name, const char* bytes, std::size_t count, unsigned mode) {
    if (std::find(there_.begin(), there_.end(), name) != there_.end()) return;
    there_.push_back(name);
    add_folders_of(name);
    add_entry(name, S_IFREG | mode, bytes, count);
}

void Initramfs::add_program(const std::string& path) {
    const Bytes program = content_of(path);
    add(path, program, 0755);
    const std::string loader = loader_of(program);
    if (loader.empty()) return;
    add(loader, content_of(loader), 0755);
    for (const std::string& library : libraries_of(loader, path))
        add(library, content_of(library), 0755);
}

void Initramfs::finish() {
    if (archive_write_close(archive_.get()) != ARCHIVE_OK)
        refuse(file_, archive_error_string(archive_.get()));
}

}  // namespace zcv::guest
