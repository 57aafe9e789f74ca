/* Small networks for the programs that zcv watches: one process that sends, one that receives, and
 * devices between them, all in network namespaces that go away with their processes. */
#ifndef NET_H
#define NET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

enum path { LOOPBACK, SINK, PAIR, BRIDGED, ROUTED };

enum reading { READ_ALL, READ_SLOWLY, READ_NOTHING, RESET_EARLY, CLOSE_UNREAD };

struct network {
    enum path path;
    enum reading reading;
    bool stream;
    bool ipv6;
    bool copies;      /* no XDP program on the far end, so it copies what it receives */
    int mtu;          /* 0: 65535 */
    const char* rate; /* of a token bucket on the sending device, NULL none */
    const char* burst;
    const char* limit;
    int receive_buffer; /* bytes, 0 the default */
    int delay_ms;       /* before the far end reads, resets or closes */
};

/* Ends the program with what failed. */
void must(const char* what, bool right);

/* Builds the network, starts the far end, and leaves the caller in the sending namespace. */
void build(const struct network* network);

/* Where the far end listens. */
struct sockaddr_storage far_address(const struct network* network, socklen_t* length);

/* A socket of the network's kind, connected to the far end. */
int connected(const struct network* network);

/* Lets the far end finish and waits for it. */
void dismiss(void);

void sleep_ms(int ms);

#endif
