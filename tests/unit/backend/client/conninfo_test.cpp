#include "backend/client/conninfo.hpp"

#include <gtest/gtest.h>

#include <array>

namespace sluice::pg {
namespace {

using namespace std::string_literals;

// The connection as text: what was set, in a fixed order, without what is at its default.
std::string described(const ConnInfo& info) {
    std::string text = format_conninfo(info);
    for (const std::string_view ordinary : {" sslmode='prefer'",
                                            " sslnegotiation='postgres'",
                                            " sslsni='1'",
                                            " ssl_min_protocol_version='TLSv1.2'",
                                            " ssl_max_protocol_version='TLSv1.3'",
                                            " channel_binding='prefer'",
                                            " target_session_attrs='any'",
                                            " load_balance_hosts='disable'",
                                            " min_protocol_version='3.0'",
                                            " max_protocol_version='3.0'"}) {
        const auto at = text.find(ordinary);
        if (at != std::string::npos) text.erase(at, ordinary.size());
    }
    return text;
}

std::string outcome(std::string_view text) {
    const auto info = parse_conninfo(text);
    return info ? described(*info) : info.error().detail;
}

struct Case {
    std::string text;
    std::string outcome;
};

constexpr auto h = "host='h' port='5432' user='u' dbname='u'";

TEST(ConnInfo, ReadsPairs) {
    const Case cases[] = {
        {"host=h user=u", h},
        {"  host = h\n\tuser =u  ", h},
        {"host='h' user = 'u'", h},
        {"host=h user=u dbname=d port=6000", "host='h' port='6000' user='u' dbname='d'"},
        {"host=a host=h user=u", h},
        {"host=h user=u password=", h},
        {"host=h user=u password=''", h},
        {"host=h user=u password='a b'", h + " password='a b'"s},
        {R"(host=h user=u password='it\'s \\')", h + R"( password='it\'s \\')"s},
        {R"(host=h user=u password=a\ b\\c\')", h + R"( password='a b\\c\'')"s},
        {R"(host=h user=u password=a\)", h + " password='a'"s},
        {"host=h user=u password='a'port=6000",
         "host='h' port='6000' user='u' dbname='u' password='a'"},
        {"host=/run/postgresql user=u", "host='/run/postgresql' port='5432' user='u' dbname='u'"},
        {"hostaddr=::1 user=u", "hostaddr='::1' port='5432' user='u' dbname='u'"},
        {"host=h hostaddr=10.0.0.1 user=u",
         "host='h' hostaddr='10.0.0.1' port='5432' user='u' dbname='u'"},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.text);
        EXPECT_EQ(outcome(test.text), test.outcome);
    }
}

TEST(ConnInfo, RefusesBrokenPairs) {
    const Case cases[] = {
        {"", "no host is named"},
        {"host", "missing \"=\" after the word \"host\" in connection info string"},
        {"host h", "missing \"=\" after the word \"host\" in connection info string"},
        {"host=h user", "missing \"=\" after the word \"user\" in connection info string"},
        {"host='h", "unterminated quoted string in connection info string"},
        {"host='h\\", "unterminated quoted string in connection info string"},
        {"host=h users=u", "invalid connection option \"users\""},
        {"=h", "invalid connection option at position 1"},
        {"host=h", "no user is named"},
        {"user=u", "no host is named"},
        {"host=h user=u service=s", "connection option \"service\" is not supported"},
        {"host=h user=u sslcrl=f", "connection option \"sslcrl\" is not supported"},
        {"host=h user=u gssencmode=require", "invalid gssencmode value: \"require\""},
        {"host=h user=u\0"s, "connection info string holds a NUL character"},
        {"host=" + std::string(70'000, 'h'), "connection info string is too long"},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.text.substr(0, 100));
        EXPECT_EQ(outcome(test.text), test.outcome);
    }
}

TEST(ConnInfo, ReadsUris) {
    const std::string full = "host='host' port='12345' user='uri-user' dbname='db'";
    const Case cases[] = {
        {"postgresql://uri-user:secret@host:12345/db", full + " password='secret'"},
        {"postgres://uri-user:secret@host:12345/db", full + " password='secret'"},
        {"postgresql://uri-user@host:12345/db", full},
        {"postgresql://uri-user@host/db", "host='host' port='5432' user='uri-user' dbname='db'"},
        {"postgresql://uri-user@host:12345/",
         "host='host' port='12345' user='uri-user' dbname='uri-user'"},
        {"postgresql://uri-user@host", "host='host' port='5432' user='uri-user' dbname='uri-user'"},
        {"postgresql://uri-user@host:/db", "host='host' port='5432' user='uri-user' dbname='db'"},
        {"postgresql://host:12345/db?user=uri-user", full},
        {"postgresql://host/db?user=uri-user&port=12345", full},
        {"postgresql://host:1/db?user=a&user=uri-user&port=12345", full},
        {"postgresql://%68ost:%31234%35/d%62?u%73er=uri%2Duser", full},
        {"postgresql://host:12345?user=uri-user&dbname=db", full},
        {"postgresql://host:12345/db?user= uri-user ", full},
        {"postgresql:// host :12345/ db ?user=uri-user", full},
        {"postgresql://uri-user@host?",
         "host='host' port='5432' user='uri-user' dbname='uri-user'"},
        {"postgresql://u@[::1]:6000/db", "host='::1' port='6000' user='u' dbname='db'"},
        {"postgresql://u@[::1]", "host='::1' port='5432' user='u' dbname='u'"},
        {"postgresql://u@[2001:db8::1234]/",
         "host='2001:db8::1234' port='5432' user='u' dbname='u'"},
        {"postgresql://u@[::1]?dbname=d", "host='::1' port='5432' user='u' dbname='d'"},
        {"postgresql://u@?host=/tmp/s", "host='/tmp/s' port='5432' user='u' dbname='u'"},
        {"postgresql://u@:6000/db?host=/tmp/s", "host='/tmp/s' port='6000' user='u' dbname='db'"},
        {"postgresql://u@%2Fvar%2Frun/db", "host='/var/run' port='5432' user='u' dbname='db'"},
        {"postgresql:///?user=u&host=h", h},
        {"postgresql://u:@h", h},
        {"postgresql://:p@h?user=u", h + " password='p'"s},
        {"postgresql://u:p%40ss%3Aw%2F@h", h + " password='p@ss:w/'"s},
        {"postgresql://u:p:w@h", h + " password='p:w'"s},
        {"postgresql://u@a:1,b,[::2]:3/d", "host='a,b,::2' port='1,5432,3' user='u' dbname='d'"},
        {"postgresql://u@a,b/d?port=7", "host='a,b' port='7,7' user='u' dbname='d'"},
        {"postgresql://u@h?ssl=true", h + " sslmode='require'"s},
        {"postgresql://u@h?password=a%20b", h + " password='a b'"s},
        {"postgresql://u@h?options=-c%20geqo%3Doff", h + " options='-c geqo=off'"s},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.text);
        EXPECT_EQ(outcome(test.text), test.outcome);
    }
}

TEST(ConnInfo, RefusesBrokenUris) {
    const Case cases[] = {
        {"postgre://", "missing \"=\" after the word at position 1 in connection info string"},
        {"postgresql://", "no host is named"},
        {"postgresql://u@", "no host is named"},
        {"postgresql://h", "no user is named"},
        {"postgresql://u@[::1",
         "end of string reached when looking for matching \"]\" in IPv6 host address in URI"},
        {"postgresql://u@[]", "IPv6 host address may not be empty in URI"},
        {"postgresql://u@[::1]z",
         "unexpected character at position 21 in URI (expected \":\" or \"/\")"},
        {"postgresql://h?zzz", "missing key/value separator \"=\" in URI query parameter \"zzz\""},
        {"postgresql://h?user=u&b",
         "missing key/value separator \"=\" in URI query parameter \"b\""},
        {"postgresql://h?user=u&&",
         "missing key/value separator \"=\" in URI query parameter at "
         "position 23"},
        {"postgresql://h?user=u=v",
         "extra key/value separator \"=\" in URI query parameter "
         "\"user\""},
        {"postgresql://h?uzer=u", "invalid URI query parameter \"uzer\""},
        {"postgresql://h?u%7aer=u", "invalid URI query parameter \"uzer\""},
        {"postgresql://h?ssl=false", "invalid URI query parameter \"ssl\""},
        {"postgresql://h?dbname=%XXfoo",
         "invalid percent-encoded token in the value of \"dbname\""},
        {"postgresql://%zz", "invalid percent-encoded token in the host"},
        {"postgresql://h%1", "invalid percent-encoded token in the host"},
        {"postgresql://h%", "invalid percent-encoded token in the host"},
        {"postgresql://u%00@h", "forbidden value %00 in the user"},
        {"postgresql://a b@h",
         "unexpected spaces found in the user, use percent-encoded spaces "
         "(%20) instead"},
        {"postgresql://u@h:port", "invalid port number"},
        {"postgresql://u@h:0", "invalid port number"},
        {"postgresql://u@h:65536", "invalid port number"},
        {"postgresql://u@a,/d", "a host name is empty"},
        {"postgresql://u@a,b?port=1,2,3", "could not match 3 port numbers to 2 hosts"},
        {"postgresql://u@a,b?hostaddr=::1", "could not match 2 host names to 1 hostaddr values"},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.text);
        EXPECT_EQ(outcome(test.text), test.outcome);
    }
}

TEST(ConnInfo, ErrorsHoldNoPassword) {
    const std::string texts[] = {
        "host=h user=u password=some secret",
        "host=h user=u password=some secret=1",
        "host=h user=u password='some secret",
        "postgre://u:secret@h",
        "postgre://u:secret@h?sslmode=x",
        "postgresql://u:secret%zz@h",
        "postgresql://u:secret%00@h",
        "postgresql://u:se cret@h",
        "postgresql://u:p@secret@h",
        "postgresql://u:p@[secret",
        "postgresql://u:p@[::1]secret@h",
        "postgresql://u:secret/word@h",
        "postgresql://u@h?password=p&secret",
        "postgresql://u@h?password=p&secret=1",
        "postgresql://u@h?password=p&secret=1=2",
        "postgresql://u@h?password=secret=1",
        "postgresql://u@h?password=secret%zz",
        "postgresql://u@h?password=secret 1",
    };
    for (const std::string& text : texts) {
        SCOPED_TRACE(text);
        const auto info = parse_conninfo(text);
        ASSERT_FALSE(info);
        EXPECT_EQ(info.error().message().find("secret"), std::string::npos)
            << info.error().message();
        EXPECT_EQ(info.error().message().find("cret"), std::string::npos);
    }
}

TEST(ConnInfo, RedactedHoldsNoPassword) {
    const auto info = parse_conninfo(
        "host=h user=u password=hidden1 sslcert=c sslkey=k sslpassword=hidden2 dbname=shown");
    ASSERT_TRUE(info);
    const std::string text = redacted(*info);
    EXPECT_EQ(text.find("hidden"), std::string::npos) << text;
    EXPECT_NE(text.find("password='***'"), std::string::npos) << text;
    EXPECT_NE(text.find("dbname='shown'"), std::string::npos) << text;
}

// libpq says so only when the server has shown its certificate.
TEST(ConnInfo, AVerifiedHostNeedsAName) {
    const char* const missing = "host name must be specified for a verified SSL connection";
    const Case cases[] = {
        {"hostaddr=::1 user=u sslmode=verify-full sslrootcert=f", missing},
        {"hostaddr=::1 user=u sslrootcert=system", missing},
        {"host=,b hostaddr=::1,::2 user=u sslmode=verify-full sslrootcert=f", missing},
        {"hostaddr=::1 user=u sslmode=verify-ca sslrootcert=f",
         "hostaddr='::1' port='5432' user='u' dbname='u' sslmode='verify-ca' sslrootcert='f'"},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.text);
        EXPECT_EQ(outcome(test.text), test.outcome);
    }
}

TEST(ConnInfo, MatchesPortsAndAddressesToHosts) {
    const Case cases[] = {
        {"host=a,b port=1,2 user=u", "host='a,b' port='1,2' user='u' dbname='u'"},
        {"host=a,b port=1 user=u", "host='a,b' port='1,1' user='u' dbname='u'"},
        {"host=a,b port=,2 user=u", "host='a,b' port='5432,2' user='u' dbname='u'"},
        {"host=a,b user=u", "host='a,b' port='5432,5432' user='u' dbname='u'"},
        {"host=a port=1,2 user=u", "could not match 2 port numbers to 1 hosts"},
        {"host=a,b port=1,2,3 user=u", "could not match 3 port numbers to 2 hosts"},
        {"host=a,b port=1, user=u", "host='a,b' port='1,5432' user='u' dbname='u'"},
        {"host=a,b hostaddr=::1,::2 user=u",
         "host='a,b' hostaddr='::1,::2' port='5432,5432' user='u' dbname='u'"},
        {"host=,b hostaddr=::1, user=u",
         "host=',b' hostaddr='::1,' port='5432,5432' user='u' dbname='u'"},
        {"host=a,b hostaddr=::1 user=u", "could not match 2 host names to 1 hostaddr values"},
        {"host=a,, user=u", "a host name is empty"},
        {"hostaddr=, user=u", "a host name is empty"},
        {"host=a port=5432x user=u", "invalid port number"},
        {"host=a port=-1 user=u", "invalid port number"},
        {"host=a port=' 1 ' user=u", "host='a' port='1' user='u' dbname='u'"},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.text);
        EXPECT_EQ(outcome(test.text), test.outcome);
    }
}

TEST(ConnInfo, ReadsEveryOption) {
    const Case cases[] = {
        {"connect_timeout=10", " connect_timeout='10'"},
        {"connect_timeout=1", " connect_timeout='1'"},
        {"connect_timeout=0", ""},
        {"connect_timeout=-1", ""},
        {"sslmode=disable", " sslmode='disable'"},
        {"sslmode=allow", " sslmode='allow'"},
        {"sslmode=verify-ca sslrootcert=ca", " sslmode='verify-ca' sslrootcert='ca'"},
        {"sslmode=require sslnegotiation=direct", " sslmode='require' sslnegotiation='direct'"},
        {"sslcert=c sslkey=k sslpassword=p", " sslcert='c' sslkey='k' sslpassword='p'"},
        {"sslrootcert=ca sslmode=require", " sslmode='require' sslrootcert='ca'"},
        {"sslrootcert=system", " sslmode='verify-full' sslrootcert='system'"},
        {"sslsni=0", " sslsni='0'"},
        {"ssl_min_protocol_version=TLSv1.3", " ssl_min_protocol_version='TLSv1.3'"},
        {"ssl_max_protocol_version=TLSv1.2", " ssl_max_protocol_version='TLSv1.2'"},
        {"channel_binding=require", " channel_binding='require'"},
        {"require_auth=scram-sha-256", " require_auth='!password,!md5,!gss,!sspi,!oauth,!none'"},
        {"require_auth=!password,!none", " require_auth='!password,!none'"},
        {"target_session_attrs=read-write", " target_session_attrs='read-write'"},
        {"target_session_attrs=prefer-standby", " target_session_attrs='prefer-standby'"},
        {"load_balance_hosts=random", " load_balance_hosts='random'"},
        {"max_protocol_version=3.2", " max_protocol_version='3.2'"},
        {"max_protocol_version=latest", " max_protocol_version='3.2'"},
        {"min_protocol_version=3.2", " min_protocol_version='3.2' max_protocol_version='3.2'"},
        {"application_name=a fallback_application_name=b", " application_name='a'"},
        {"fallback_application_name=b", " application_name='b'"},
        {"client_encoding=UTF8", " client_encoding='UTF8'"},
        {"client_encoding=auto", ""},
        {"replication=true", " replication='true'"},
        {"keepalives=1 keepalives_idle=3 tcp_user_timeout=5 gssencmode=prefer krbsrvname=p "
         "sslcompression=0 passfile=f gssdelegation=0 gsslib=x",
         ""},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.text);
        EXPECT_EQ(outcome("host=h user=u " + test.text), h + test.outcome);
    }
}

TEST(ConnInfo, RefusesBadValues) {
    const Case cases[] = {
        {"connect_timeout=ten",
         "invalid integer value \"ten\" for connection option \"connect_timeout\""},
        {"connect_timeout=99999999999",
         "invalid integer value \"99999999999\" for connection option \"connect_timeout\""},
        {"sslmode=on", "invalid sslmode value: \"on\""},
        {"sslnegotiation=x", "invalid sslnegotiation value: \"x\""},
        {"sslnegotiation=direct",
         "weak sslmode \"prefer\" may not be used with sslnegotiation=direct (use \"require\", "
         "\"verify-ca\", or \"verify-full\")"},
        {"sslrootcert=system sslmode=require",
         "weak sslmode \"require\" may not be used with sslrootcert=system (use \"verify-full\")"},
        {"sslmode=verify-ca", "sslmode \"verify-ca\" needs sslrootcert"},
        {"sslcert=c", "sslcert and sslkey must be given together"},
        {"sslsni=yes", "invalid sslsni value: \"yes\""},
        {"ssl_min_protocol_version=TLSv1", "invalid ssl_min_protocol_version value: \"TLSv1\""},
        {"ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version=TLSv1.2",
         "invalid SSL protocol version range"},
        {"channel_binding=x", "invalid channel_binding value: \"x\""},
        {"target_session_attrs=master", "invalid target_session_attrs value: \"master\""},
        {"load_balance_hosts=yes", "invalid load_balance_hosts value: \"yes\""},
        {"max_protocol_version=3.1", "invalid max_protocol_version value: \"3.1\""},
        {"min_protocol_version=3.2 max_protocol_version=3.0",
         "min_protocol_version is greater than max_protocol_version"},
        {"require_auth=x", "invalid require_auth value: \"x\""},
        {"require_auth=md5,", "invalid require_auth value: \"\""},
        {"require_auth=md5,md5", "require_auth method \"md5\" is specified more than once"},
        {"require_auth=!md5,!md5", "require_auth method \"!md5\" is specified more than once"},
        {"require_auth=md5,!none",
         "require_auth method \"!none\" cannot be mixed with non-negative methods"},
        {"require_auth=!md5,none",
         "require_auth method \"none\" cannot be mixed with negative methods"},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.text);
        EXPECT_EQ(outcome("host=h user=u " + test.text), test.outcome);
    }
}

TEST(ConnInfo, RequireAuthAllowsWhatItNames) {
    const auto only = parse_conninfo("host=h user=u require_auth=md5,none");
    ASSERT_TRUE(only);
    EXPECT_TRUE(only->require_auth.allows(AuthMethod::md5));
    EXPECT_TRUE(only->require_auth.allows(AuthMethod::none));
    EXPECT_FALSE(only->require_auth.allows(AuthMethod::password));
    const auto without = parse_conninfo("host=h user=u require_auth=!md5");
    ASSERT_TRUE(without);
    EXPECT_FALSE(without->require_auth.allows(AuthMethod::md5));
    EXPECT_TRUE(without->require_auth.allows(AuthMethod::password));
}

TEST(ConnInfo, IsTheSameAfterFormattingAndParsing) {
    const std::string texts[] = {
        "host=h user=u",
        R"(host=a,/b,::1 hostaddr=,,::2 port=1,2,3 user='it\'s' password='\\ \'' dbname=' d ')",
        "hostaddr=::1,::2 user=u "
        "require_auth=!password,!md5,!gss,!sspi,!scram-sha-256,!oauth,!none",
        "postgresql://u:p%25@a,b:7/d?sslmode=verify-full&sslrootcert=ca&sslcert=c&sslkey=k",
        "host=h user=u min_protocol_version=3.2 options='-c a=b' replication=database",
    };
    for (const std::string& text : texts) {
        SCOPED_TRACE(text);
        const auto info = parse_conninfo(text);
        ASSERT_TRUE(info) << info.error().detail;
        const auto again = parse_conninfo(format_conninfo(*info));
        ASSERT_TRUE(again) << again.error().detail;
        EXPECT_EQ(format_conninfo(*again), format_conninfo(*info));
        ASSERT_EQ(again->hosts.size(), info->hosts.size());
        EXPECT_EQ(again->password.reveal(), info->password.reveal());
        EXPECT_EQ(again->user, info->user);
        EXPECT_EQ(again->parameters, info->parameters);
    }
}

}  // namespace
}  // namespace sluice::pg
