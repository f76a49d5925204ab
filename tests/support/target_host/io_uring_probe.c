/* Try to reach an address through io_uring alone: neither socket(2) nor connect(2) is called.
 *
 * `io_uring_probe ADDRESS PORT` prints "connected" when a TCP connection stands, else which step failed and why.  A
 * filter on system calls that names socket families does not see what a ring is asked to do; tests show that, and
 * that the units of ours may make no ring.  Linux 5.19 or newer (IORING_OP_SOCKET).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { OPERATION_SOCKET = 45 }; /* IORING_OP_SOCKET, which older headers do not know */

struct ring {
  int descriptor;
  struct io_uring_params parameters;
  char *queues;
  struct io_uring_sqe *entries;
};

static int fail(const char *step, int error) {
  printf("%s: %s\n", step, strerror(error));
  return 1;
}

static int make(struct ring *ring) {
  memset(ring, 0, sizeof *ring);
  ring->descriptor = (int)syscall(__NR_io_uring_setup, 4, &ring->parameters);
  if (ring->descriptor < 0) return fail("io_uring_setup", errno);
  struct io_uring_params *p = &ring->parameters;
  size_t submit = p->sq_off.array + p->sq_entries * 4;
  size_t complete = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
  int protection = PROT_READ | PROT_WRITE, kind = MAP_SHARED | MAP_POPULATE;
  ring->queues = mmap(0, submit > complete ? submit : complete, protection, kind, ring->descriptor, IORING_OFF_SQ_RING);
  ring->entries = mmap(0, p->sq_entries * sizeof *ring->entries, protection, kind, ring->descriptor, IORING_OFF_SQES);
  return ring->queues == MAP_FAILED || ring->entries == MAP_FAILED ? fail("mmap", errno) : 0;
}

static int ask(struct ring *ring, struct io_uring_sqe question) {
  struct io_uring_params *p = &ring->parameters;
  unsigned *tail = (void *)(ring->queues + p->sq_off.tail), *mask = (void *)(ring->queues + p->sq_off.ring_mask);
  unsigned *array = (void *)(ring->queues + p->sq_off.array);
  unsigned *head = (void *)(ring->queues + p->cq_off.head), *last = (void *)(ring->queues + p->cq_off.ring_mask);
  struct io_uring_cqe *answers = (void *)(ring->queues + p->cq_off.cqes);
  unsigned at = *tail & *mask;
  ring->entries[at] = question;
  array[at] = at;
  __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
  if (syscall(__NR_io_uring_enter, ring->descriptor, 1, 1, IORING_ENTER_GETEVENTS, 0, 0) < 0) return -errno;
  int answer = answers[*head & *last].res;
  __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
  return answer;
}

int main(int count, char **words) {
  struct ring ring;
  if (count != 3) return 2;
  if (make(&ring)) return 1;
  struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(words[2]))};
  if (inet_pton(AF_INET, words[1], &place.sin_addr) != 1) return 2;
  struct io_uring_sqe question = {.opcode = OPERATION_SOCKET, .fd = AF_INET, .off = SOCK_STREAM};
  int made = ask(&ring, question);
  if (made < 0) return fail("socket", -made);
  question = (struct io_uring_sqe){
      .opcode = IORING_OP_CONNECT, .fd = made, .addr = (unsigned long)&place, .off = sizeof place};
  int reached = ask(&ring, question);
  if (reached < 0) return fail("connect", -reached);
  puts("connected");
  return 0;
}
