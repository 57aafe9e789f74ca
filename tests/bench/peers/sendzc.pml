/* The reference model for Spin: -DB= -DR= -DK= -DQ=. One process whose loop head is its only control
 * state, so that Spin's states are the model's. Names as in the TLA+ definition. */
#define FREE 0
#define WRITTEN 1
#define INFLIGHT 2
#define IDLE 0
#define SUBMITTED 1
#define ERRPOSTED 2
#define ISSUING 3
#define POSTED 4
#define ISSUED 5
#define TW 6
#define NOTIFPOSTED 7
#define NONE 0
#define QUEUED 1
#define CLONED 2
#define CLONEONLY 3
#define DEV 4
#define AFTERCLONE 5
#define COPIED 6
#define ERR 1
#define MORE 2
#define NOTIF 3

byte buf[B];
byte pc[R];
byte rb[R]; /* from 1, 0 is none */
byte ref[R];
byte nskb[R];
bit got[R];
byte skb[R * K];
byte cq[Q]; /* 3 * request + kind, 0 is empty */
/* Spin knows no hidden variables breadth first and on several cores: there they are in its states,
 * and always zero. */
#ifdef NOTHING_HIDDEN
#define TEMPORARY byte
#else
#define TEMPORARY hidden byte
#endif
TEMPORARY i;
TEMPORARY n;
TEMPORARY h;

#define S(r, k) skb[(r) * K + (k)]
#define FULL (cq[Q - 1] != 0)
#define HEADKIND (cq[0] == 0 -> 0 : (cq[0] - 1) % 3 + 1)
#define HOLDS(x) ((x) != NONE && (x) != COPIED)

inline push(r, kind) {
    i = 0;
    do
    :: cq[i] != 0 -> i++
    :: else -> break
    od;
    cq[i] = 3 * (r) + kind
}
inline pop() {
    h = (cq[0] - 1) / 3;
    i = 0;
    do
    :: i < Q - 1 -> cq[i] = cq[i + 1]; i++
    :: else -> break
    od;
    cq[Q - 1] = 0
}
inline drop(r) {
    if
    :: ref[r] == 1 && pc[r] == ISSUED -> pc[r] = TW
    :: else -> skip
    fi;
    ref[r]--
}

/* What holds in every state, looked at after every step. */
inline check() {
    i = 0;
    do
    :: i < R ->
        n = (pc[i] == ISSUING || pc[i] == POSTED);
        h = 0;
        do
        :: h < K ->
            if
            :: HOLDS(S(i, h)) -> n++; assert(rb[i] != 0 && buf[rb[i] - 1] == INFLIGHT)
            :: else -> skip
            fi;
            h++
        :: else -> break
        od;
        assert(ref[i] == n);
        assert(pc[i] != IDLE || (!got[i] && ref[i] == 0));
        assert(pc[i] != ERRPOSTED || !got[i]);
        assert((pc[i] != TW && pc[i] != NOTIFPOSTED) || ref[i] == 0);
        i++
    :: else -> break
    od;
    assert(HEADKIND != MORE || !got[(cq[0] - 1) / 3]);
    assert(HEADKIND != NOTIF || got[(cq[0] - 1) / 3]);
    i = 0;
    n = 0;
    h = 0
}

#define WRITE(b) \
    :: d_step { buf[b] == FREE -> buf[b] = WRITTEN; check() }
#define SUBMIT(b, r) \
    :: d_step { buf[b] == WRITTEN && pc[r] == IDLE -> \
        buf[b] = INFLIGHT; pc[r] = SUBMITTED; rb[r] = b + 1; check() }
#define REQUEST(r) \
    :: d_step { pc[r] == SUBMITTED && NOSKBS(r) -> pc[r] = ISSUING; ref[r] = 1; check() } \
    :: d_step { pc[r] == SUBMITTED && !FULL -> pc[r] = ERRPOSTED; push(r, ERR); check() } \
    :: d_step { pc[r] == ISSUING && nskb[r] < K -> \
        S(r, nskb[r]) = QUEUED; nskb[r]++; ref[r]++; check() } \
    :: d_step { pc[r] == ISSUING && !FULL -> pc[r] = POSTED; push(r, MORE); check() } \
    :: d_step { pc[r] == POSTED -> pc[r] = ISSUED; nskb[r] = 0; drop(r); check() } \
    :: d_step { pc[r] == TW && !FULL -> pc[r] = NOTIFPOSTED; push(r, NOTIF); check() }
#define SKB(r, k) \
    :: d_step { S(r, k) == QUEUED -> S(r, k) = CLONED; check() } \
    :: d_step { S(r, k) == QUEUED -> S(r, k) = DEV; check() } \
    :: d_step { HOLDS(S(r, k)) && S(r, k) != CLONED -> S(r, k) = NONE; drop(r); check() } \
    :: d_step { S(r, k) == QUEUED || S(r, k) == AFTERCLONE -> S(r, k) = COPIED; drop(r); check() } \
    :: d_step { S(r, k) == COPIED -> S(r, k) = NONE; check() } \
    :: d_step { S(r, k) == CLONED -> S(r, k) = AFTERCLONE; check() } \
    :: d_step { S(r, k) == CLONED -> S(r, k) = CLONEONLY; check() }

#if K == 1
#define NOSKBS(r) (S(r, 0) == NONE)
#define SKBS(r) SKB(r, 0)
#elif K == 2
#define NOSKBS(r) (S(r, 0) == NONE && S(r, 1) == NONE)
#define SKBS(r) SKB(r, 0) SKB(r, 1)
#else
#define NOSKBS(r) (S(r, 0) == NONE && S(r, 1) == NONE && S(r, 2) == NONE)
#define SKBS(r) SKB(r, 0) SKB(r, 1) SKB(r, 2)
#endif
#if B == 1
#define SUBMITS(r) SUBMIT(0, r)
#elif B == 2
#define SUBMITS(r) SUBMIT(0, r) SUBMIT(1, r)
#else
#define SUBMITS(r) SUBMIT(0, r) SUBMIT(1, r) SUBMIT(2, r)
#endif

active proctype model() {
    do
    WRITE(0)
#if B > 1
    WRITE(1)
#endif
#if B > 2
    WRITE(2)
#endif
    :: d_step { HEADKIND == ERR ->
        pop(); buf[rb[h] - 1] = FREE; rb[h] = 0; pc[h] = IDLE; check() }
    :: d_step { HEADKIND == MORE -> pop(); got[h] = 1; check() }
    :: d_step { HEADKIND == NOTIF ->
        pop(); got[h] = 0; buf[rb[h] - 1] = FREE; rb[h] = 0; pc[h] = IDLE; check() }
    SUBMITS(0) REQUEST(0) SKBS(0)
#if R > 1
    SUBMITS(1) REQUEST(1) SKBS(1)
#endif
#if R > 2
    SUBMITS(2) REQUEST(2) SKBS(2)
#endif
    od
}
