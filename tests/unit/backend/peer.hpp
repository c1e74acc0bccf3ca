#pragma once

#include "backend/protocol/frame.hpp"
#include "backend/server/framed_stream.hpp"
#include "tests/support/coroutine.hpp"

#include <memory>
#include <string>
#include <vector>

namespace sluice::pg {

struct Message {
    char tag = 0;
    std::string body;
    bool operator==(const Message&) const = default;
};

// The other end of a connection, played by the test step by step. Everything that waits lets the
// rest of the context go on.
class Peer {
public:
    Peer(boost::asio::io_context& context, std::unique_ptr<net::ByteStream> stream)
        : context_(context), framed_(std::move(stream), Bytes(), 16U << 20U) {}

    void send(ByteView bytes) {
        append(framed_.out(), bytes);
        sent_ = test::run_coroutine(context_, framed_.flush()).has_value() && sent_;
    }
    void send_end() {
        sent_ =
            test::run_coroutine(context_, framed_.stream().shutdown_send()).has_value() && sent_;
    }
    bool sent() const { return sent_; }

    // The next message; tag 0 at the end of the stream.
    Message receive() {
        auto frame = test::run_coroutine(context_, framed_.read_message());
        if (!frame || !*frame) return {};
        return {(*frame)->tag, std::string(as_text((*frame)->body))};
    }
    // The tags of everything up to and including `last`, or to the end of the stream.
    std::string receive_tags(char last) {
        std::string tags;
        for (;;) {
            const Message message = receive();
            if (message.tag == 0) return tags + '$';
            tags += message.tag;
            messages_.push_back(message);
            if (message.tag == last) return tags;
        }
    }
    // The latest message of that type from receive_tags().
    std::string body_of(char tag) const {
        for (auto message = messages_.rbegin(); message != messages_.rend(); ++message) {
            if (message->tag == tag) return message->body;
        }
        return "";
    }
    net::ByteStream& stream() { return framed_.stream(); }

private:
    boost::asio::io_context& context_;
    FramedStream framed_;
    std::vector<Message> messages_;
    bool sent_ = true;
};

}  // namespace sluice::pg
