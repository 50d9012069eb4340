/*
 * The transport of a session is ours, so that it is known at a failure what was read: whether it
 * was TLS at all, and whether the caller has left. Bytes go straight to and from the socket.
 *
 * A certificate is asked for and judged here, and not by libmicrohttpd's list of authorities, which
 * cannot be replaced while it runs. Sessions are not resumed: every connection shows its
 * certificate and has it judged by the authorities of that time. A caller that keeps its connection
 * pays for one handshake; one that does not, as curl, has no session to resume.
 */
#include "front/tls_session.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/text.h"
#include "front/tls_internal.h"
#include "middleware/certificate_user.h"

#define TLS_SESSION_MAGIC 0x544c5353u

/* The first byte of a TLS record with a handshake message. */
#define HANDSHAKE 22
/* A record with an alert: its type, two bytes for a version, its length. */
#define ALERT 21
#define RECORD_HEAD 5
#define ALERT_LEN 2
#define TAG 16 /* of all ciphers that are used */
/* The first byte of the message in a caller's first record. */
#define CLIENT_HELLO 1
/*
 * GnuTLS keeps a message until it has as many bytes as the message claims, up to 16 MB. A handshake
 * with as many certificates as are accepted takes less than this.
 */
#define HANDSHAKE_MAX (128 * 1024)
#define HANDSHAKE_MAX_TEXT "128 KiB"
/* The first two bytes of a ClientHello: 3.3 is TLS 1.2, and 1.3 says so too. */
#define TLS_1_2 0x0303

/* Of heard_alert; an alert that is 0 is close_notify. */
#define NO_ALERT (-1)

/* How far a handshake has come; what GnuTLS finds wrong with the rest, it tells nobody. */
enum handshake { HEARD_NOTHING, HEARD_HELLO, SENT_HELLO, HEARD_SIGNATURE };

struct tls_session {
    unsigned magic;
    struct tls *tls;
    gnutls_session_t session;
    int fd;
    struct tls_session_ports ports;
    size_t shaken; /* bytes that were read for the handshake */
    bool established;
    bool acknowledged;
    bool failed;
    bool alert_follows;   /* the next two bytes are one that is not encrypted */
    int heard_alert;      /* NO_ALERT, or the last one */
    enum handshake stage; /* the last message that was read or sent */
    bool bid_farewell;    /* the last record was an alert, by its looks */
    bool ended;           /* the caller has closed, or the connection was cut */
    bool old;             /* the caller speaks no TLS 1.2 */
    bool alerted;
    enum tls_failure failure; /* TLS_FAILURE_COUNT: not known */
    const char *detail;
    bool user_known;
    char user[CERTIFICATE_USER_MAX + 1];
};

static struct tls_session *of(gnutls_session_t session)
{
    MAGIC_CAST(struct tls_session, tls, gnutls_transport_get_ptr(session), TLS_SESSION_MAGIC);
    return tls;
}

/* ---- the transport ---- */

/*
 * A browser or curl with http:// gets words that it understands. What it sent is read, for a socket
 * that is closed with bytes unread is reset, and the words may be lost.
 */
static void answer_in_http(int fd, bool with_body)
{
    static const char body[] = "{\"type\":\"urn:postcoded:problem:bad_request\","
                               "\"title\":\"Bad request\",\"status\":400,\"code\":\"bad_request\","
                               "\"detail\":\"This address speaks TLS: use https://.\"}\n";
    char text[512];
    char unread[4096];
    const int len =
        snprintf(text, sizeof(text),
                 "HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\n"
                 "Cache-Control: no-store\r\nContent-Length: %zu\r\n"
                 "Connection: close\r\n\r\n%s",
                 strlen(body), with_body ? body : "");
    MUST(len > 0 && (size_t)len < sizeof(text));
    for (int i = 0; i < 16 && recv(fd, unread, sizeof(unread), MSG_DONTWAIT) > 0; i++)
        ;
    (void)send(fd, text, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* A method and a blank, as far as it is there: SSH says "SSH-2.0". */
static bool is_http(const char *text, size_t len)
{
    size_t letters = 0;
    while (letters < len && text[letters] >= 'A' && text[letters] <= 'Z')
        letters++;
    return letters > 0 && (letters == len || text[letters] == ' ');
}

static void hear_first(struct tls_session *tls, const unsigned char *bytes, size_t len)
{
    static const char head[] = "HEAD ";
    const char *text = (const char *)bytes;
    if (bytes[0] == HANDSHAKE)
        return;
    tls->failure = TLS_NOT_TLS;
    tls->alerted = true; /* the caller would not understand it */
    tls->detail = is_http(text, len) ? "plain HTTP" : "no TLS";
    if (is_http(text, len))
        answer_in_http(tls->fd, len < strlen(head) || memcmp(text, head, strlen(head)) != 0);
}

/*
 * A caller that rejects our certificate may tell it before it encrypts, and GnuTLS then only finds
 * that it cannot decrypt the alert. It reads the head of a record by itself, and then the rest.
 */
static void look_for_alert(struct tls_session *tls, const unsigned char *bytes, size_t len)
{
    if (tls->alert_follows && len == ALERT_LEN)
        tls->heard_alert = bytes[1];
    tls->alert_follows =
        len == RECORD_HEAD && bytes[0] == ALERT && bytes[3] == 0 && bytes[4] == ALERT_LEN;
}

/*
 * The first wait after the handshake. A caller with Nagle's algorithm keeps its request until its
 * last message of the handshake is acknowledged, and we have nothing to send along with that.
 */
static void acknowledge(struct tls_session *tls)
{
    const int on = 1;
    if (!tls->acknowledged)
        setsockopt(tls->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
    tls->acknowledged = true;
}

/* Whether the handshake goes on: by how much was read for it, and how it begins. */
static bool allows(struct tls_session *tls, const unsigned char *bytes, size_t len)
{
    const size_t before = tls->shaken;
    tls->shaken += len;
    if (before == 0)
        hear_first(tls, bytes, len);
    if (tls->failure != TLS_FAILURE_COUNT)
        return true; /* GnuTLS finds it too */
    if (before <= RECORD_HEAD && tls->shaken > RECORD_HEAD &&
        bytes[RECORD_HEAD - before] != CLIENT_HELLO)
        tls->detail = "the first message is not a ClientHello";
    else if (tls->shaken > HANDSHAKE_MAX)
        tls->detail = "larger than " HANDSHAKE_MAX_TEXT;
    else
        return true;
    tls->failure = TLS_PROTOCOL;
    return false;
}

static bool pulled_handshake(struct tls_session *tls, const unsigned char *bytes, ssize_t got,
                             int error)
{
    if (got < 0 && error == EAGAIN)
        tls->ports.blocked(tls->ports.arg);
    if (got <= 0)
        return true;
    look_for_alert(tls, bytes, (size_t)got);
    return allows(tls, bytes, (size_t)got);
}

/*
 * Whether the caller takes its leave is encrypted in TLS 1.3, where only its length tells: two
 * bytes of an alert, one for the type of the record, and the tag.
 */
static bool pulled_record(struct tls_session *tls, const unsigned char *bytes, ssize_t got,
                          int error)
{
    if (got == RECORD_HEAD)
        tls->bid_farewell = bytes[0] == ALERT || (bytes[3] == 0 && bytes[4] == ALERT_LEN + 1 + TAG);
    else if (got < 0 && error == EAGAIN)
        acknowledge(tls);
    return true;
}

static ssize_t pull(gnutls_transport_ptr_t ptr, void *out, size_t len)
{
    MAGIC_CAST(struct tls_session, tls, ptr, TLS_SESSION_MAGIC);
    tls->ports.active(tls->ports.arg);
    const ssize_t got = recv(tls->fd, out, len, 0);
    const int error = errno;
    if (got == 0 || (got < 0 && error != EAGAIN && error != EINTR))
        tls->ended = true;
    const bool good = (tls->established ? pulled_record : pulled_handshake)(tls, out, got, error);
    errno = good ? error : ECONNRESET;
    return good ? got : -1;
}

static ssize_t push(gnutls_transport_ptr_t ptr, const giovec_t *parts, int count)
{
    MAGIC_CAST(struct tls_session, tls, ptr, TLS_SESSION_MAGIC);
    const struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)parts,
                                   .msg_iovlen = (size_t)count};
    tls->ports.active(tls->ports.arg);
    return sendmsg(tls->fd, &message, MSG_NOSIGNAL);
}

/* ---- the handshake ---- */

int tls_session_certificate(gnutls_session_t session, const gnutls_datum_t *authorities, int count,
                            const gnutls_pk_algorithm_t *algorithms, int algorithm_count,
                            gnutls_pcert_st **chain, unsigned *chain_len, gnutls_privkey_t *key)
{
    struct tls *tls = of(session)->tls;
    (void)authorities;
    (void)count;
    (void)algorithms;
    (void)algorithm_count;
    *chain = tls->chain;
    *chain_len = tls->chain_len;
    *key = tls->key;
    return 0;
}

static void alert(struct tls_session *tls, gnutls_alert_description_t what)
{
    if (!tls->alerted && !tls->ended)
        (void)gnutls_alert_send(tls->session, GNUTLS_AL_FATAL, what);
    tls->alerted = true;
}

static int reject(struct tls_session *tls, enum tls_failure failure, const char *detail,
                  gnutls_alert_description_t what)
{
    tls->failure = failure;
    tls->detail = detail;
    alert(tls, what);
    return GNUTLS_E_CERTIFICATE_ERROR;
}

/* What GnuTLS found, as our reason. */
static int reject_status(struct tls_session *tls, unsigned status)
{
    if (status & GNUTLS_CERT_EXPIRED)
        return reject(tls, TLS_CERTIFICATE, "expired", GNUTLS_A_CERTIFICATE_EXPIRED);
    if (status & GNUTLS_CERT_NOT_ACTIVATED)
        return reject(tls, TLS_CERTIFICATE, "not valid yet", GNUTLS_A_CERTIFICATE_EXPIRED);
    if (status & (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNER_NOT_CA))
        return reject(tls, TLS_CERTIFICATE, "not of an authority in tls_client_ca",
                      GNUTLS_A_UNKNOWN_CA);
    if (status & GNUTLS_CERT_PURPOSE_MISMATCH)
        return reject(tls, TLS_CERTIFICATE, "not for clients, by its key usage",
                      GNUTLS_A_UNSUPPORTED_CERTIFICATE);
    if (status & GNUTLS_CERT_INSECURE_ALGORITHM)
        return reject(tls, TLS_CERTIFICATE, "its key or signature is too weak",
                      GNUTLS_A_BAD_CERTIFICATE);
    return reject(tls, TLS_CERTIFICATE, "does not verify", GNUTLS_A_BAD_CERTIFICATE);
}

static bool import_chain(const gnutls_datum_t *shown, unsigned count, gnutls_x509_crt_t *chain)
{
    bool good = true;
    for (unsigned i = 0; i < count; i++) {
        MEM_MUST(gnutls_x509_crt_init(&chain[i]) == 0);
        good = good && gnutls_x509_crt_import(chain[i], &shown[i], GNUTLS_X509_FMT_DER) == 0;
    }
    return good;
}

static unsigned verify_chain(const struct tls *tls, const gnutls_datum_t *shown, unsigned count)
{
    static char purpose[] = GNUTLS_KP_TLS_WWW_CLIENT;
    gnutls_typed_vdata_st data = {
        .type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (unsigned char *)purpose, .size = 0};
    gnutls_x509_crt_t chain[TLS_CHAIN_MAX];
    unsigned status = GNUTLS_CERT_INVALID;
    if (import_chain(shown, count, chain) &&
        gnutls_x509_trust_list_verify_crt2(tls->authorities, chain, count, &data, 1,
                                           GNUTLS_PROFILE_TO_VFLAGS(GNUTLS_PROFILE_MEDIUM), &status,
                                           NULL) != 0)
        status |= GNUTLS_CERT_INVALID;
    for (unsigned i = 0; i < count; i++)
        gnutls_x509_crt_deinit(chain[i]);
    return status;
}

/* Called too when the caller shows none. */
static int verify(gnutls_session_t session)
{
    struct tls_session *tls = of(session);
    unsigned count = 0;
    const gnutls_datum_t *shown = gnutls_certificate_get_peers(session, &count);
    if (shown == NULL || count == 0)
        return reject(tls, TLS_NO_CERTIFICATE, "the caller shows none; tls_client_ca wants one",
                      gnutls_protocol_get_version(session) == GNUTLS_TLS1_3
                          ? GNUTLS_A_CERTIFICATE_REQUIRED
                          : GNUTLS_A_HANDSHAKE_FAILURE);
    if (count > TLS_CHAIN_MAX)
        return reject(tls, TLS_CERTIFICATE, "too many certificates", GNUTLS_A_BAD_CERTIFICATE);
    const unsigned status = verify_chain(tls->tls, shown, count);
    return status == 0 ? 0 : reject_status(tls, status);
}

/* GnuTLS looks at this when it checks the signature, and calls `verify` after that or never. */
static int check_key_usage(struct tls_session *tls)
{
    unsigned count = 0, usage = 0;
    gnutls_x509_crt_t certificate;
    const gnutls_datum_t *shown = gnutls_certificate_get_peers(tls->session, &count);
    if (shown == NULL || count == 0)
        return 0;
    MEM_MUST(gnutls_x509_crt_init(&certificate) == 0);
    const bool forbidden =
        gnutls_x509_crt_import(certificate, &shown[0], GNUTLS_X509_FMT_DER) == 0 &&
        gnutls_x509_crt_get_key_usage(certificate, &usage, NULL) == 0 &&
        (usage & GNUTLS_KEY_DIGITAL_SIGNATURE) == 0;
    gnutls_x509_crt_deinit(certificate);
    return !forbidden ? 0
                      : reject(tls, TLS_CERTIFICATE, "not for signatures, by its key usage",
                               GNUTLS_A_UNSUPPORTED_CERTIFICATE);
}

static int heard_message(struct tls_session *tls, unsigned type, const gnutls_datum_t *message)
{
    switch (type) {
    case GNUTLS_HANDSHAKE_CLIENT_HELLO:
        tls->stage = HEARD_HELLO;
        tls->old = message->size >= 2 && (message->data[0] << 8 | message->data[1]) < TLS_1_2;
        return 0;
    case GNUTLS_HANDSHAKE_CERTIFICATE_VERIFY:
        tls->stage = HEARD_SIGNATURE;
        return check_key_usage(tls);
    case GNUTLS_HANDSHAKE_FINISHED: /* the last that comes, in both versions */
        tls->established = true;
        return 0;
    default:
        return 0;
    }
}

static int note_message(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                        const gnutls_datum_t *message)
{
    struct tls_session *tls = of(session);
    (void)when;
    if (incoming)
        return heard_message(tls, type, message);
    if (type == GNUTLS_HANDSHAKE_SERVER_HELLO)
        tls->stage = SENT_HELLO;
    return 0;
}

/* ---- life ---- */

struct tls_session *tls_session_new(struct tls *tls, gnutls_session_t session, int fd,
                                    const struct tls_session_ports *ports)
{
    struct tls_session *made = mem_zalloc(sizeof(*made));
    MAGIC_SET(made, TLS_SESSION_MAGIC);
    made->tls = tls_ref(tls);
    made->session = session;
    made->fd = fd;
    made->ports = *ports;
    made->heard_alert = NO_ALERT;
    made->failure = TLS_FAILURE_COUNT;
    gnutls_transport_set_ptr(session, made);
    gnutls_transport_set_pull_function(session, pull);
    gnutls_transport_set_vec_push_function(session, push);
    gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_ANY, GNUTLS_HOOK_PRE,
                                       note_message);
    if (tls->authorities != NULL) {
        gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
        gnutls_session_set_verify_function(session, verify);
    }
    return made;
}

void tls_session_free(struct tls_session *tls)
{
    if (tls == NULL)
        return;
    MAGIC_OK(tls, TLS_SESSION_MAGIC);
    tls_unref(tls->tls);
    MAGIC_CLEAR(tls);
    mem_free(tls);
}

/* What is broken, by how far the handshake has come. */
static const char *describe_break(const struct tls_session *tls)
{
    if (tls->old)
        return "older than TLS 1.2";
    switch (tls->stage) {
    case HEARD_NOTHING:
        return "the ClientHello is malformed";
    case HEARD_HELLO:
        return "no version, cipher, group or signature in common";
    case SENT_HELLO:
        return "what follows the ServerHello is malformed or cannot be decrypted";
    case HEARD_SIGNATURE:
        break;
    }
    return "the caller's signature or Finished is wrong";
}

/* Where nothing here has told it. */
static void find_failure(struct tls_session *tls, bool late)
{
    int heard = tls->heard_alert;
    if (heard == NO_ALERT && gnutls_alert_get(tls->session) != GNUTLS_A_CLOSE_NOTIFY)
        heard = (int)gnutls_alert_get(tls->session);
    tls->failure = TLS_PROTOCOL;
    tls->detail = NULL;
    if (tls_key_has_failed()) {
        tls->detail = "no signature could be made with tls_key";
        alert(tls, GNUTLS_A_INTERNAL_ERROR);
    } else if (heard == GNUTLS_A_CLOSE_NOTIFY) {
        tls->failure = TLS_CLOSED;
    } else if (heard != NO_ALERT) {
        tls->failure = TLS_ALERT;
        tls->detail = gnutls_alert_get_name((gnutls_alert_description_t)heard);
        tls->alerted = true;
    } else if (tls->ended) {
        tls->failure = late ? TLS_TIMEOUT : TLS_CLOSED;
    } else {
        tls->detail = describe_break(tls);
    }
}

enum tls_failure tls_session_failed(struct tls_session *tls, bool late, const char **detail)
{
    MAGIC_OK(tls, TLS_SESSION_MAGIC);
    if (tls->failure == TLS_FAILURE_COUNT)
        find_failure(tls, late);
    tls->failed = true;
    alert(tls, tls->old ? GNUTLS_A_PROTOCOL_VERSION : GNUTLS_A_HANDSHAKE_FAILURE);
    *detail = tls->detail;
    return tls->failure;
}

bool tls_session_is_there(const struct tls_session *tls)
{
    MAGIC_OK(tls, TLS_SESSION_MAGIC);
    return tls->established && !tls->failed && !tls->ended && !tls->bid_farewell;
}

bool tls_session_is_shaking(const struct tls_session *tls)
{
    MAGIC_OK(tls, TLS_SESSION_MAGIC);
    return !tls->failed;
}

bool tls_session_is_current(const struct tls_session *tls, const struct tls *now)
{
    MAGIC_OK(tls, TLS_SESSION_MAGIC);
    return tls_same_authorities(tls->tls, now);
}

bool tls_session_verified(const struct tls_session *tls)
{
    MAGIC_OK(tls, TLS_SESSION_MAGIC);
    return tls_verifies(tls->tls);
}

bool tls_session_has_heard(const struct tls_session *tls)
{
    MAGIC_OK(tls, TLS_SESSION_MAGIC);
    return tls->shaken > 0;
}

const char *tls_session_user(struct tls_session *tls)
{
    MAGIC_OK(tls, TLS_SESSION_MAGIC);
    if (tls->tls->authorities == NULL)
        return NULL;
    unsigned count = 0;
    const gnutls_datum_t *shown =
        tls->user_known ? NULL : gnutls_certificate_get_peers(tls->session, &count);
    if (shown != NULL && count > 0)
        certificate_user(shown[0].data, shown[0].size, tls->user);
    tls->user_known = true;
    return tls->user;
}
