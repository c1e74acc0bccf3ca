#include "common/base/crc32c.hpp"

#include "common/base/assert.hpp"

#include <boost/endian/conversion.hpp>

#include <algorithm>
#include <array>
#include <atomic>

#if defined(__x86_64__)
#include <nmmintrin.h>
#include <wmmintrin.h>
#elif defined(__aarch64__)
#include <asm/hwcap.h>

#include <sys/auxv.h>
#endif

namespace sluice {

namespace {

// Take and return the register as it is between bytes: without the inversion at both ends.
struct Functions {
    std::uint32_t (*update)(std::uint32_t, const std::uint8_t*, std::size_t);
    std::uint32_t (*update_two)(std::uint32_t, ByteView, ByteView);
};

constexpr std::uint32_t polynomial = 0x82F63B78;  // 0x1EDC6F41 with its bits reversed

using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

// tables[k][b]: what byte b does to the register when k zero bytes follow it.
constexpr Tables make_tables() {
    Tables tables{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t crc = byte;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? polynomial : 0U);
        tables[0][byte] = crc;
    }
    for (std::size_t k = 1; k < tables.size(); ++k)
        for (std::size_t byte = 0; byte < 256; ++byte) {
            const std::uint32_t before = tables[k - 1][byte];
            tables[k][byte] = (before >> 8U) ^ tables[0][before & 0xFFU];
        }
    return tables;
}

constexpr Tables tables = make_tables();

std::uint32_t update_portable(std::uint32_t crc, const std::uint8_t* data, std::size_t size) {
    for (; size >= 8; data += 8, size -= 8) {
        const std::uint64_t word = boost::endian::load_little_u64(data) ^ crc;
        crc = 0;
        for (std::size_t i = 0; i < 8; ++i) crc ^= tables[7 - i][(word >> (8 * i)) & 0xFFU];
    }
    for (; size > 0; ++data, --size) crc = (crc >> 8U) ^ tables[0][(crc ^ *data) & 0xFFU];
    return crc;
}

std::uint32_t update_two_portable(std::uint32_t crc, ByteView first, ByteView second) {
    crc = update_portable(crc, first.data(), first.size());
    return update_portable(crc, second.data(), second.size());
}

constexpr Functions portable_functions{update_portable, update_two_portable};

#if defined(__x86_64__)

#define SLUICE_TARGET __attribute__((target("sse4.2,pclmul")))

// Words of eight bytes that each of the three lanes takes at most before they are joined.
constexpr std::size_t lane_words_max = 256;
// Below this the joining costs more than the lanes gain.
constexpr std::size_t lane_words_min = 6;

// shifts[n] moves a register past n words of zeros: it is x^(64n-33) modulo the polynomial, with
// the bits reversed. A carry-less product of reversed numbers is short of one factor x, and the
// crc32 instruction that reduces the product multiplies by x^32; hence the 33.
constexpr auto make_shifts() {
    std::array<std::uint32_t, 2 * lane_words_max + 1> shifts{};
    std::uint32_t power = 0x80000000U;  // x^0
    std::size_t exponent = 0;
    for (std::size_t words = 1; words < shifts.size(); ++words) {
        for (; exponent < 64 * words - 33; ++exponent)
            power = (power >> 1U) ^ ((power & 1U) != 0 ? polynomial : 0U);
        shifts[words] = power;
    }
    return shifts;
}

constexpr auto shifts = make_shifts();

SLUICE_TARGET inline std::uint64_t shift(std::uint64_t crc, std::size_t words) {
    const __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128(static_cast<long long>(crc)),
                                                 _mm_cvtsi32_si128(static_cast<int>(shifts[words])),
                                                 0);
    return _mm_crc32_u64(0, static_cast<std::uint64_t>(_mm_cvtsi128_si64(product)));
}

// One instruction takes three cycles, but one can start in every cycle: three lanes keep it busy.
SLUICE_TARGET std::uint64_t update_lanes(std::uint64_t crc,
                                         const std::uint8_t* data,
                                         std::size_t words) {
    std::uint64_t second = 0;
    std::uint64_t third = 0;
    const std::uint8_t* const end = data + 8 * words;
    const std::size_t lane = 8 * words;
    for (; data != end; data += 8) {
        crc = _mm_crc32_u64(crc, boost::endian::load_little_u64(data));
        second = _mm_crc32_u64(second, boost::endian::load_little_u64(data + lane));
        third = _mm_crc32_u64(third, boost::endian::load_little_u64(data + 2 * lane));
    }
    return shift(crc, 2 * words) ^ shift(second, words) ^ third;
}

// The last one to seven bytes. A register is the same as four bytes that are XORed into what comes
// next, and zeros do nothing to a register of zeros: so the bytes go to the end of a word of zeros.
SLUICE_TARGET inline std::uint64_t update_tail(std::uint64_t crc,
                                               std::uint64_t tail,
                                               std::size_t size) {
    return _mm_crc32_u64(0, (tail ^ crc) << (64 - 8 * size)) ^ (crc >> (8 * size));
}

// Most records are short and no two are as long: what a branch would be mispredicted for is done
// without one.
SLUICE_TARGET inline std::uint64_t update_words(std::uint64_t crc,
                                                const std::uint8_t* data,
                                                std::size_t size) {
    if (size < 8) {
        for (; size > 0; ++data, --size) crc = _mm_crc32_u8(static_cast<std::uint32_t>(crc), *data);
        return crc;
    }
    for (; size >= 8; data += 8, size -= 8)
        crc = _mm_crc32_u64(crc, boost::endian::load_little_u64(data));
    if (size == 0) return crc;
    const std::uint64_t last = boost::endian::load_little_u64(data + size - 8);
    return update_tail(crc, last >> (64 - 8 * size), size);
}

SLUICE_TARGET std::uint32_t update_sse42(std::uint32_t start,
                                         const std::uint8_t* data,
                                         std::size_t size) {
    std::uint64_t crc = start;
    while (size >= 3 * 8 * lane_words_min) {
        const std::size_t words = std::min(size / (3 * 8), lane_words_max);
        crc = update_lanes(crc, data, words);
        data += 3 * 8 * words;
        size -= 3 * 8 * words;
    }
    return static_cast<std::uint32_t>(update_words(crc, data, size));
}

SLUICE_TARGET std::uint32_t update_two_sse42(std::uint32_t start, ByteView first, ByteView second) {
    constexpr std::size_t lanes_from = 3 * 8 * lane_words_min;
    const std::uint64_t crc = first.size() < lanes_from
                                  ? update_words(start, first.data(), first.size())
                                  : update_sse42(start, first.data(), first.size());
    return static_cast<std::uint32_t>(
        second.size() < lanes_from
            ? update_words(crc, second.data(), second.size())
            : update_sse42(static_cast<std::uint32_t>(crc), second.data(), second.size()));
}

constexpr Functions sse42_functions{update_sse42, update_two_sse42};

#undef SLUICE_TARGET

#elif defined(__aarch64__)

// In assembler, because compilers disagree about where they offer the intrinsics.
inline std::uint32_t crc32cx(std::uint32_t crc, std::uint64_t word) {
    __asm__(".arch_extension crc\n\tcrc32cx %w0, %w0, %x1" : "+r"(crc) : "r"(word));
    return crc;
}

inline std::uint32_t crc32cb(std::uint32_t crc, std::uint32_t byte) {
    __asm__(".arch_extension crc\n\tcrc32cb %w0, %w0, %w1" : "+r"(crc) : "r"(byte));
    return crc;
}

std::uint32_t update_armv8(std::uint32_t crc, const std::uint8_t* data, std::size_t size) {
    for (; size >= 8; data += 8, size -= 8)
        crc = crc32cx(crc, boost::endian::load_little_u64(data));
    for (; size > 0; ++data, --size) crc = crc32cb(crc, *data);
    return crc;
}

std::uint32_t update_two_armv8(std::uint32_t crc, ByteView first, ByteView second) {
    crc = update_armv8(crc, first.data(), first.size());
    return update_armv8(crc, second.data(), second.size());
}

constexpr Functions armv8_functions{update_armv8, update_two_armv8};

#endif

const Functions& functions_of(Crc32cMethod method) {
    switch (method) {
    case Crc32cMethod::portable: break;
    case Crc32cMethod::sse42:
#if defined(__x86_64__)
        return sse42_functions;
#else
        break;
#endif
    case Crc32cMethod::armv8:
#if defined(__aarch64__)
        return armv8_functions;
#else
        break;
#endif
    }
    return portable_functions;
}

// Chosen at the first use, which may be before main(); threads that choose at once choose alike.
constinit std::atomic<const Functions*> chosen_functions{nullptr};

inline const Functions& chosen() {
    const Functions* functions = chosen_functions.load(std::memory_order_relaxed);
    if (functions == nullptr) [[unlikely]] {
        functions = &functions_of(crc32c_method());
        chosen_functions.store(functions, std::memory_order_relaxed);
    }
    return *functions;
}

}  // namespace

std::string_view to_string(Crc32cMethod method) {
    switch (method) {
    case Crc32cMethod::portable: return "portable";
    case Crc32cMethod::sse42: return "sse42";
    case Crc32cMethod::armv8: return "armv8";
    }
    return "unknown";
}

bool is_supported(Crc32cMethod method) {
    switch (method) {
    case Crc32cMethod::portable: return true;
    case Crc32cMethod::sse42:
#if defined(__x86_64__)
        return __builtin_cpu_supports("sse4.2") != 0 && __builtin_cpu_supports("pclmul") != 0;
#else
        return false;
#endif
    case Crc32cMethod::armv8:
#if defined(__aarch64__)
        return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
#else
        return false;
#endif
    }
    return false;
}

Crc32cMethod crc32c_method() {
    for (const Crc32cMethod method : {Crc32cMethod::sse42, Crc32cMethod::armv8})
        if (is_supported(method)) return method;
    return Crc32cMethod::portable;
}

std::uint32_t crc32c(ByteView bytes, std::uint32_t crc) {
    return ~chosen().update(~crc, bytes.data(), bytes.size());
}

std::uint32_t crc32c_of_two(ByteView first, ByteView second) {
    return ~chosen().update_two(~std::uint32_t{0}, first, second);
}

std::uint32_t crc32c_with(Crc32cMethod method, ByteView bytes, std::uint32_t crc) {
    SLUICE_ASSERT(is_supported(method));
    return ~functions_of(method).update(~crc, bytes.data(), bytes.size());
}

}  // namespace sluice
