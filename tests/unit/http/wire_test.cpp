#include "common/http/wire.hpp"

#include "tests/support/coroutine.hpp"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <gtest/gtest.h>

namespace sluice::http {
namespace {

// Gives a text and then fails as TLS does: in words, without a code.
class BrokenStream : public net::ByteStream {
public:
    explicit BrokenStream(std::string text) : text_(std::move(text)) {}
    net::Awaitable<Result<std::size_t>> read_some(ByteSpan into) override {
        if (text_.empty()) co_return Error(ErrorKind::peer, "TLS: bad record mac");
        const std::size_t count = text_.copy(reinterpret_cast<char*>(into.data()), into.size());
        text_.erase(0, count);
        co_return count;
    }
    net::Awaitable<Result<std::size_t>> write_some(ByteView bytes) override {
        co_return bytes.size();
    }
    Attempt try_read(ByteSpan) override { return {Attempt::Status::failed}; }
    Attempt try_write(ByteView) override { return {Attempt::Status::failed}; }
    net::Awaitable<Result<void>> shutdown_send() override { co_return Result<void>(); }
    void close() override {}
    void detach() override {}
    int native_handle() const override { return -1; }
    Attempt try_shutdown_send() override { return {Attempt::Status::failed}; }
    void set_deadline(Deadline) override {}
    std::string peer() const override { return ""; }
    std::string peer_address() const override { return ""; }
    bool encrypted() const override { return true; }

private:
    std::string text_;
};

TEST(Wire, ABrokenStreamIsNoCompleteMessage) {
    for (const char* text :
         {"", "POST / HTTP/1.1\r\n", "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nhal"}) {
        SCOPED_TRACE(text);
        BrokenStream stream(text);
        boost::asio::io_context context;
        boost::beast::flat_buffer buffer;
        boost::beast::http::request_parser<boost::beast::http::string_body> parser;
        parser.eager(true);
        const auto failed =
            test::run_coroutine(context, read_message<true>(stream, buffer, parser, Until::end));
        EXPECT_TRUE(failed);
        EXPECT_FALSE(parser.is_done());
    }
}

}  // namespace
}  // namespace sluice::http
