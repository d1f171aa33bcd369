#include "core/plugin/elf.hpp"

#include <elf.h>
#include <sentinel/abi.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace sentinel::plugin {

namespace {

#if defined(__x86_64__)
constexpr std::uint16_t this_machine = EM_X86_64;
constexpr std::string_view this_machine_name = "x86-64";
#elif defined(__aarch64__)
constexpr std::uint16_t this_machine = EM_AARCH64;
constexpr std::string_view this_machine_name = "AArch64";
#else
#error "name this machine's ELF architecture"
#endif
constexpr unsigned char this_encoding = std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;

/// More than any compiler emits; bounds the work on a hostile file.
constexpr std::uint64_t most_symbols = 1U << 20U;
constexpr std::uint64_t most_dynamic_entries = 1U << 16U;

Error malformed(std::string what) {
  return {Errc::invalid_argument, std::move(what)};
}

std::string hex(std::uint64_t value) {
  std::array<char, 17> digits{};
  std::size_t at = digits.size() - 1;
  do {
    digits[--at] = "0123456789abcdef"[value & 15U];
    value >>= 4U;
  } while (value != 0);
  return std::string("0x") + &digits[at];
}

/// A file image whose every read is checked against its end.
class Image {
 public:
  explicit Image(std::span<const std::byte> bytes) : bytes_(bytes) {}

  [[nodiscard]] std::uint64_t size() const { return bytes_.size(); }
  [[nodiscard]] bool holds(std::uint64_t offset, std::uint64_t length) const {
    return offset <= size() && length <= size() - offset;
  }
  /// `holds(offset, length)` must be true.
  [[nodiscard]] std::span<const std::byte> slice(std::uint64_t offset, std::uint64_t length) const {
    return bytes_.subspan(offset, length);
  }
  /// A copy, because nothing in a file is aligned. `holds(offset, sizeof(T))` must be true.
  template <class T>
  [[nodiscard]] T at(std::uint64_t offset) const {
    T out;
    std::memcpy(&out, bytes_.data() + offset, sizeof(T));
    return out;
  }

 private:
  std::span<const std::byte> bytes_;
};

/// Text up to a zero byte; nothing when the zero is missing.
std::optional<std::string> text_in(std::span<const std::byte> bytes, std::uint64_t offset) {
  if (offset >= bytes.size()) return std::nullopt;
  const auto* begin = reinterpret_cast<const char*>(bytes.data()) + offset;
  const void* end = std::memchr(begin, 0, bytes.size() - offset);
  if (end == nullptr) return std::nullopt;
  return std::string(begin, static_cast<const char*>(end));
}

/// A text of a note, zero-padded and of printable ASCII, or nothing.
template <std::size_t Size>
std::optional<std::string> note_text(const char (&padded)[Size]) {
  const std::string_view all(padded, Size);
  const auto end = all.find('\0');
  if (end == all.npos || end == 0) return std::nullopt;
  const auto text = all.substr(0, end);
  if (!std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; })) return std::nullopt;
  return std::string(text);
}

struct Dynamic {
  std::uint64_t symbols = 0;
  std::uint64_t strings = 0;
  std::uint64_t strings_size = 0;
  std::uint64_t hash = 0;
  std::uint64_t gnu_hash = 0;
  std::vector<std::uint64_t> needed;
};

class Parser {
 public:
  explicit Parser(std::span<const std::byte> bytes) : image_(bytes) {}

  Result<ElfFacts> parse() {
    for (const auto step : {&Parser::header, &Parser::segments, &Parser::sections, &Parser::notes, &Parser::dynamic}) {
      if (const Result<void> done = (this->*step)(); !done) return done.error();
    }
    return std::move(facts_);
  }

 private:
  [[nodiscard]] Error cut(std::string_view what, std::uint64_t offset, std::uint64_t length) const {
    return malformed("the file is truncated, or still being written: its " + std::string(what) + " (" +
                     std::to_string(length) + " bytes at " + hex(offset) + ") ends beyond its size of " +
                     std::to_string(image_.size()) + " bytes; copy it again");
  }

  Result<void> header() {
    if (image_.size() == 0) return malformed("the file is empty");
    const auto magic = image_.slice(0, std::min<std::uint64_t>(SELFMAG, image_.size()));
    if (std::memcmp(magic.data(), ELFMAG, magic.size()) != 0) {
      return malformed("it is no ELF file; a plugin is a shared object made by sentinel_add_plugin");
    }
    if (!image_.holds(0, sizeof(Elf64_Ehdr))) return cut("ELF header", 0, sizeof(Elf64_Ehdr));
    header_ = image_.at<Elf64_Ehdr>(0);
    if (header_.e_ident[EI_CLASS] != ELFCLASS64) {
      return Error{Errc::unsupported, "it is not a 64-bit ELF file; build it for this machine"};
    }
    if (header_.e_ident[EI_DATA] != this_encoding) {
      return Error{Errc::unsupported, "its byte order is not this machine's; build it for this machine"};
    }
    if (header_.e_machine != this_machine) {
      return Error{Errc::unsupported, "it is built for ELF machine " + std::to_string(header_.e_machine) +
                                          ", this agent is " + std::string(this_machine_name) + " (" +
                                          std::to_string(this_machine) + "); build it for this machine"};
    }
    if (header_.e_ident[EI_VERSION] != EV_CURRENT || header_.e_version != EV_CURRENT) {
      return malformed("its ELF version is " + std::to_string(header_.e_version) + ", not 1");
    }
    if (header_.e_type != ET_DYN) {
      return Error{Errc::unsupported,
                   "it is an ELF file of type " + std::to_string(header_.e_type) +
                       ", not a shared object (3); link it with -shared, as sentinel_add_plugin does"};
    }
    return {};
  }

  Result<void> segments() {
    if (header_.e_phentsize != sizeof(Elf64_Phdr) || header_.e_phnum == 0 || header_.e_phnum == PN_XNUM) {
      return malformed("its program headers are malformed (" + std::to_string(header_.e_phnum) + " of " +
                       std::to_string(header_.e_phentsize) + " bytes)");
    }
    const std::uint64_t length = std::uint64_t{header_.e_phnum} * sizeof(Elf64_Phdr);
    if (!image_.holds(header_.e_phoff, length)) return cut("program header table", header_.e_phoff, length);
    for (std::uint64_t i = 0; i < header_.e_phnum; ++i) {
      const auto segment = image_.at<Elf64_Phdr>(header_.e_phoff + i * sizeof(Elf64_Phdr));
      // The file is mapped as these say: what lies beyond its end is a SIGBUS inside dlopen.
      if (!image_.holds(segment.p_offset, segment.p_filesz)) {
        return cut("segment " + std::to_string(i), segment.p_offset, segment.p_filesz);
      }
      if (segment.p_type == PT_LOAD &&
          (segment.p_filesz > segment.p_memsz || segment.p_vaddr > UINT64_MAX - segment.p_memsz)) {
        return malformed("its segment " + std::to_string(i) + " is malformed: its size in memory does not fit");
      }
      segments_.push_back(segment);
    }
    return {};
  }

  /// The loader reads no section, but a file that lost its tail lost these first.
  Result<void> sections() {
    if (header_.e_shoff == 0) return {};
    if (header_.e_shentsize != sizeof(Elf64_Shdr)) {
      return malformed("its section headers are malformed (" + std::to_string(header_.e_shentsize) + " bytes each)");
    }
    std::uint64_t count = header_.e_shnum;
    if (count == 0) {
      if (!image_.holds(header_.e_shoff, sizeof(Elf64_Shdr))) {
        return cut("section header table", header_.e_shoff, sizeof(Elf64_Shdr));
      }
      count = image_.at<Elf64_Shdr>(header_.e_shoff).sh_size;
      if (count > image_.size() / sizeof(Elf64_Shdr)) {
        return malformed("its section headers are malformed (" + std::to_string(count) + " of them)");
      }
    }
    if (!image_.holds(header_.e_shoff, count * sizeof(Elf64_Shdr))) {
      return cut("section header table", header_.e_shoff, count * sizeof(Elf64_Shdr));
    }
    for (std::uint64_t i = 1; i < count; ++i) {
      const auto section = image_.at<Elf64_Shdr>(header_.e_shoff + i * sizeof(Elf64_Shdr));
      if (section.sh_type == SHT_NOBITS || section.sh_type == SHT_NULL) continue;
      if (!image_.holds(section.sh_offset, section.sh_size)) {
        return cut("section " + std::to_string(i), section.sh_offset, section.sh_size);
      }
    }
    return {};
  }

  Result<void> notes() {
    for (const auto& segment : segments_) {
      if (segment.p_type != PT_NOTE) continue;
      const std::uint64_t align = segment.p_align == 8 ? 8 : 4;
      const Image notes(image_.slice(segment.p_offset, segment.p_filesz));
      const auto padded = [align](std::uint64_t size) { return (size + align - 1) / align * align; };
      std::uint64_t at = 0;
      while (notes.holds(at, sizeof(Elf64_Nhdr))) {
        const auto note = notes.at<Elf64_Nhdr>(at);
        const std::uint64_t owner_at = at + sizeof(Elf64_Nhdr);
        const std::uint64_t descriptor_at = at + padded(sizeof(Elf64_Nhdr) + note.n_namesz);
        if (!notes.holds(owner_at, note.n_namesz) || !notes.holds(descriptor_at, note.n_descsz)) {
          return malformed("one of its notes is malformed: it ends beyond its segment");
        }
        const auto owner = notes.slice(owner_at, note.n_namesz);
        if (note.n_type == SENTINEL_NOTE_TYPE && owner.size() == sizeof(SENTINEL_NOTE_OWNER) &&
            std::memcmp(owner.data(), SENTINEL_NOTE_OWNER, owner.size()) == 0) {
          if (const auto read = plugin_note(notes.slice(descriptor_at, note.n_descsz)); !read) return read;
        }
        at = descriptor_at + padded(note.n_descsz);
      }
    }
    return {};
  }

  Result<void> plugin_note(std::span<const std::byte> bytes) {
    if (facts_.note) return malformed("it has two plugin notes; one shared object holds one plugin");
    const Image image(bytes);
    if (!image.holds(0, sizeof(sentinel_note))) {
      return malformed("its plugin note has " + std::to_string(bytes.size()) + " bytes, at least " +
                       std::to_string(sizeof(sentinel_note)) + " are needed");
    }
    const auto raw = image.at<sentinel_note>(0);
    auto name = note_text(raw.name);
    auto version = note_text(raw.version);
    if (raw.size < sizeof(sentinel_note) || !name || !version) {
      return malformed("its plugin note is malformed; rebuild it with sentinel_add_plugin");
    }
    facts_.note = NoteFacts{raw.abi_major, raw.abi_minor, raw.kind, std::move(*name), std::move(*version)};
    return {};
  }

  /// Where an address of the loaded object lies in the file, if `length` bytes from there on are in one segment.
  [[nodiscard]] std::optional<std::uint64_t> offset_of(std::uint64_t address, std::uint64_t length) const {
    for (const auto& segment : segments_) {
      if (segment.p_type != PT_LOAD || address < segment.p_vaddr) continue;
      const std::uint64_t within = address - segment.p_vaddr;
      if (within <= segment.p_filesz && length <= segment.p_filesz - within) return segment.p_offset + within;
    }
    return std::nullopt;
  }

  Result<void> dynamic() {
    const auto found =
        std::find_if(segments_.begin(), segments_.end(), [](const auto& s) { return s.p_type == PT_DYNAMIC; });
    if (found == segments_.end()) {
      return malformed("it has no dynamic section: it is no shared object; link it with -shared");
    }
    Dynamic dynamic;
    const std::uint64_t count = std::min(found->p_filesz / sizeof(Elf64_Dyn), most_dynamic_entries);
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto entry = image_.at<Elf64_Dyn>(found->p_offset + i * sizeof(Elf64_Dyn));
      if (entry.d_tag == DT_NULL) break;
      if (const auto taken = take(entry, dynamic); !taken) return taken;
    }
    return symbols(dynamic);
  }

  Result<void> take(const Elf64_Dyn& entry, Dynamic& dynamic) {
    switch (entry.d_tag) {
      case DT_SYMTAB:
        dynamic.symbols = entry.d_un.d_ptr;
        break;
      case DT_STRTAB:
        dynamic.strings = entry.d_un.d_ptr;
        break;
      case DT_STRSZ:
        dynamic.strings_size = entry.d_un.d_val;
        break;
      case DT_HASH:
        dynamic.hash = entry.d_un.d_ptr;
        break;
      case DT_GNU_HASH:
        dynamic.gnu_hash = entry.d_un.d_ptr;
        break;
      case DT_NEEDED:
        dynamic.needed.push_back(entry.d_un.d_val);
        break;
      case DT_SYMENT:
        if (entry.d_un.d_val != sizeof(Elf64_Sym)) return malformed("its dynamic symbol table is malformed");
        break;
      case DT_FLAGS:
        facts_.static_tls = (entry.d_un.d_val & DF_STATIC_TLS) != 0;
        break;
      case DT_FLAGS_1:
        facts_.nodelete = (entry.d_un.d_val & DF_1_NODELETE) != 0;
        if ((entry.d_un.d_val & DF_1_PIE) != 0) {
          return Error{Errc::unsupported, "it is a program, not a shared object; link it with -shared"};
        }
        break;
      default:
        break;
    }
    return {};
  }

  Result<void> symbols(const Dynamic& dynamic) {
    const auto strings_at = offset_of(dynamic.strings, dynamic.strings_size);
    if (!strings_at || dynamic.strings == 0) return malformed("its dynamic string table is malformed");
    const auto strings = image_.slice(*strings_at, dynamic.strings_size);
    for (const auto offset : dynamic.needed) {
      auto name = text_in(strings, offset);
      if (!name) return malformed("the name of a library that it needs is malformed");
      facts_.needed.push_back(std::move(*name));
    }
    const Result<std::uint64_t> count = symbol_count(dynamic);
    if (!count) return count.error();
    if (*count == 0) return {};
    const auto table = offset_of(dynamic.symbols, *count * sizeof(Elf64_Sym));
    if (!table) return malformed("its dynamic symbol table is malformed");
    for (std::uint64_t i = 1; i < *count; ++i) {
      const auto symbol = image_.at<Elf64_Sym>(*table + i * sizeof(Elf64_Sym));
      auto name = text_in(strings, symbol.st_name);
      if (!name) return malformed("the name of its dynamic symbol " + std::to_string(i) + " is malformed");
      const auto binding = ELF64_ST_BIND(symbol.st_info);
      if (symbol.st_shndx == SHN_UNDEF) {
        facts_.undefined.push_back(std::move(*name));
        continue;
      }
      if (binding == STB_GNU_UNIQUE) facts_.unique_symbols.push_back(*name);
      if (binding != STB_LOCAL) facts_.exported.push_back(std::move(*name));
    }
    return {};
  }

  /// No dynamic tag tells the number of symbols; the hash tables do.
  [[nodiscard]] Result<std::uint64_t> symbol_count(const Dynamic& dynamic) const {
    if (dynamic.hash != 0) {
      const auto at = offset_of(dynamic.hash, 2 * sizeof(std::uint32_t));
      if (!at) return malformed("its symbol hash table is malformed");
      return checked_count(image_.at<std::uint32_t>(*at + sizeof(std::uint32_t)));
    }
    if (dynamic.gnu_hash == 0) return std::uint64_t{0};
    return gnu_symbol_count(dynamic.gnu_hash);
  }

  [[nodiscard]] static Result<std::uint64_t> checked_count(std::uint64_t count) {
    if (count > most_symbols) return malformed("it has " + std::to_string(count) + " dynamic symbols: malformed");
    return count;
  }

  /// The table: 4 words, `filter_words` 64-bit words, `buckets` words, then chains, each ended by an odd word.
  [[nodiscard]] Result<std::uint64_t> gnu_symbol_count(std::uint64_t address) const {
    constexpr std::uint64_t word = sizeof(std::uint32_t);
    const Error bad = malformed("its symbol hash table is malformed");
    const auto at = offset_of(address, 4 * word);
    if (!at) return bad;
    const std::uint64_t buckets = image_.at<std::uint32_t>(*at);
    const std::uint64_t first = image_.at<std::uint32_t>(*at + word);
    const std::uint64_t filter_words = image_.at<std::uint32_t>(*at + 2 * word);
    const std::uint64_t buckets_at = address + 4 * word + filter_words * sizeof(std::uint64_t);
    const auto bucket_bytes = offset_of(buckets_at, buckets * word);
    if (!bucket_bytes) return bad;
    std::uint64_t last = 0;
    for (std::uint64_t i = 0; i < buckets; ++i) {
      last = std::max<std::uint64_t>(last, image_.at<std::uint32_t>(*bucket_bytes + i * word));
    }
    if (last == 0) return checked_count(first);
    if (last < first) return bad;
    const std::uint64_t chains_at = buckets_at + buckets * word;
    for (std::uint64_t symbol = last; symbol < most_symbols; ++symbol) {
      const auto link = offset_of(chains_at + (symbol - first) * word, word);
      if (!link) return bad;
      if ((image_.at<std::uint32_t>(*link) & 1U) != 0) return checked_count(symbol + 1);
    }
    return bad;
  }

  Image image_;
  Elf64_Ehdr header_{};
  std::vector<Elf64_Phdr> segments_;
  ElfFacts facts_;
};

}  // namespace

Result<ElfFacts> parse_elf(std::span<const std::byte> image) {
  return Parser(image).parse();
}

}  // namespace sentinel::plugin
