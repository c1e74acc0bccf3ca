#include "backend/protocol/frame.hpp"

#include "backend/protocol/errc.hpp"
#include "tests/unit/backend/bytes.hpp"

#include <gtest/gtest.h>

namespace sluice::pg {
namespace {

using namespace std::string_view_literals;

TEST(FrameDecoder, ReturnsMessagesOneByOne) {
    const Bytes in = bytes_of(
        "Q\0\0\0\x06"
        "a\0S\0\0\0\x04"sv);
    FrameDecoder decoder(100);

    const auto first = decoder.next(in);
    ASSERT_TRUE(first && *first);
    EXPECT_EQ((*first)->tag, 'Q');
    EXPECT_EQ(as_text((*first)->body), "a\0"sv);
    EXPECT_EQ((*first)->size(), 7U);

    const auto second = decoder.next(ByteView(in).subspan((*first)->size()));
    ASSERT_TRUE(second && *second);
    EXPECT_EQ((*second)->tag, 'S');
    EXPECT_TRUE((*second)->body.empty());
}

TEST(FrameDecoder, WaitsForTheRestOfASplitMessage) {
    const Bytes in = bytes_of(
        "Q\0\0\0\x06"
        "a\0"sv);
    FrameDecoder decoder(100);
    for (std::size_t count = 0; count < in.size(); ++count) {
        SCOPED_TRACE(count);
        const auto frame = decoder.next(ByteView(in).first(count));
        ASSERT_TRUE(frame);
        EXPECT_FALSE(*frame);
        EXPECT_EQ(decoder.wanted(), count < 5 ? 5 - count : in.size() - count);
    }
}

TEST(FrameDecoder, BodyPointsIntoTheInput) {
    const Bytes in = bytes_of(
        "d\0\0\0\x08"
        "data"sv);
    FrameDecoder decoder(100);
    const auto frame = decoder.next(in);
    ASSERT_TRUE(frame && *frame);
    EXPECT_EQ((*frame)->body.data(), in.data() + 5);
}

TEST(FrameDecoder, RefusesLengthsOutsideItsBoundsFromTheHeaderAlone) {
    struct Case {
        const char* name;
        std::string_view header;
    };
    const Case cases[] = {
        {"zero", "Q\0\0\0\0"sv},
        {"below its own size", "Q\0\0\0\x03"sv},
        {"one above the limit", "Q\0\0\0\x0f"sv},
        {"two gigabytes", "Q\x80\0\0\0"sv},
        {"largest", "Q\xff\xff\xff\xff"sv},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.name);
        FrameDecoder decoder(10);
        const auto frame = decoder.next(bytes_of(test.header));
        ASSERT_FALSE(frame);
        EXPECT_EQ(frame.error().code, Errc::invalid_message_length);
        EXPECT_EQ(frame.error().kind, ErrorKind::client);
    }
}

TEST(FrameDecoder, AcceptsABodyOfExactlyTheLimit) {
    FrameDecoder decoder(2);
    const auto frame =
        decoder.next(bytes_of("Q\0\0\0\x06"
                              "a\0"sv));
    EXPECT_TRUE(frame && *frame);
}

TEST(FrameDecoder, TheLimitCanChangeBetweenMessages) {
    const Bytes in = bytes_of(
        "Q\0\0\0\x06"
        "a\0"sv);
    FrameDecoder decoder(1);
    EXPECT_FALSE(decoder.next(in));
    decoder.set_body_bytes_max(2);
    EXPECT_TRUE(decoder.next(in));
}

}  // namespace
}  // namespace sluice::pg
