#include "backend/auth/md5.hpp"
#include "backend/auth/password.hpp"
#include "backend/client/client_login.hpp"
#include "backend/protocol/backend.hpp"
#include "backend/server/server_authentication.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/memory_stream.hpp"
#include "tests/unit/backend/bytes.hpp"

#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdlib>
#include <cstring>
#include <new>

// Memory that is given back holds no password: operator delete of this program looks.

namespace {

constexpr std::string_view marker = "a-password-that-is-long-enough-for-the-heap";
bool watching = false;
int found = 0;

// Not inlined, so that the compiler does not take the content for dead.
[[gnu::noinline]] void give_back(void* memory) noexcept {
    if (watching && memory != nullptr) {
        const std::size_t size = ::malloc_usable_size(memory);
        if (::memmem(memory, size, marker.data(), marker.size()) != nullptr) ++found;
    }
    std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) {
    if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { give_back(memory); }
void operator delete(void* memory, std::size_t) noexcept { give_back(memory); }

namespace sluice::pg {
namespace {

// How often `action` gave back memory that held the marker.
template <class Action>
int copies_left(Action action) {
    found = 0;
    watching = true;
    action();
    watching = false;
    return found;
}

Secret password() { return Secret(std::string(marker)); }

// A test that finds nothing shows something only if there is something to find.
TEST(SecretWiping, TheTestSeesWhatIsNotWiped) {
    const auto leave_a_copy = [] {
        const std::string copy(marker);
        // As if somebody looked at it: otherwise the compiler leaves it out.
        asm volatile("" : : "r"(copy.data()) : "memory");
    };
    EXPECT_EQ(copies_left(leave_a_copy), 1);
    EXPECT_EQ(copies_left([] { const Secret copy = password(); }), 0);
}

TEST(SecretWiping, Md5LeavesNoPassword) {
    const std::string role(100, 'r');
    EXPECT_EQ(copies_left([&] { md5_password(role, password(), as_bytes("salt")); }), 0);
    const StoredPassword stored = Md5Secret{"md5" + std::string(32, '0')};
    EXPECT_EQ(copies_left([&] { verify_cleartext(stored, role, password(), 1); }), 0);
}

// Gives the message in pieces, so that it outgrows the buffer.
class PiecewiseStream : public test::MemoryStream {
public:
    net::Awaitable<Result<std::size_t>> read_some(ByteSpan into) override {
        const ByteSpan piece = into.first(std::min<std::size_t>(into.size(), 700));
        co_return co_await MemoryStream::read_some(piece);
    }
};

TEST(SecretWiping, AServerLeavesNoPassword) {
    for (const std::size_t padding : {0U, 5000U}) {
        SCOPED_TRACE(padding);
        boost::asio::io_context context;
        auto stream = std::make_unique<PiecewiseStream>();
        std::string body(marker);
        body += std::string(padding, 'x') + '\0';
        stream->incoming = message('p', body);
        FramedStream::Parts kept;  // the test's own copy outlives the count
        const int left = copies_left([&] {
            FramedStream framed(std::move(stream), Bytes(), 64U << 10U);
            const auto received = test::run_coroutine(context, ask_cleartext(framed));
            EXPECT_TRUE(received);
            kept = std::move(framed).release();
        });
        EXPECT_EQ(left, 0);
    }
}

// Takes everything and keeps nothing.
class ForgetfulStream : public test::MemoryStream {
public:
    net::Awaitable<Result<std::size_t>> write_some(ByteView bytes) override {
        written += bytes.size();
        co_return bytes.size();
    }
    std::size_t written = 0;
};

TEST(SecretWiping, AClientLeavesNoPassword) {
    boost::asio::io_context context;
    ConnectOptions options;
    options.user = "app";
    options.password = password();
    auto stream = std::make_unique<ForgetfulStream>();
    encode_authentication_cleartext(stream->incoming);
    stream->incoming_ended = true;
    const auto* sent = stream.get();
    const int left = copies_left([&] {
        ClientLogin login(context, std::move(stream), options);
        const auto outcome = test::run_coroutine(context, login.run());
        EXPECT_FALSE(outcome);
        EXPECT_GT(sent->written, marker.size());
    });
    EXPECT_EQ(left, 0);
}

}  // namespace
}  // namespace sluice::pg
