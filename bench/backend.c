/*
 * A cheap backend for the benchmarks: one thread, uwsgi and HTTP/1.1 (told apart by the first byte) on one unix socket, persistent
 * uwsgi on another. GET / answers 12 bytes, /1m a megabyte with a length, /chunked 100 KB without one, /page 100 KB of text without a
 * length that asks to be compressed, /events a hundred of 240 bytes each, one after the other; /ws answers 101 and sends back what
 * comes. A body is read whole and thrown away first. Over uwsgi every answer ends by close unless the socket is the persistent one
 * and the answer has a length; over HTTP connections live on and what has no length is chunked.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

enum { MEGABYTE = 1 << 20, CHUNKED = 100 * 1000, EVENT = 240, EVENTS = 100, HEAD_ROOM = 128 * 1024 };

typedef struct {
  int fd, is_http, is_persistent, has_length, head_done, writing, echoes, events_left;
  size_t length;        /* bytes in `in`, until the head is complete */
  long long body_left;  /* bytes of the request's body still to come */
  const char *head, *body, *tail;
  size_t head_length, body_length, tail_length, sent;
  char in[HEAD_ROOM];
} Client;

static char zeros[MEGABYTE], page[CHUNKED], sink[256 * 1024];
static int poll_fd;

static void drop(Client *c) {
  close(c->fd);
  free(c);
}

/* Finds a var in a uwsgi packet; returns its value's length or -1. */
static int find_var(const Client *c, const char *key, const char **value) {
  size_t size = 4 + ((uint8_t)c->in[1] | (uint8_t)c->in[2] << 8), at = 4, key_length = strlen(key);
  while (at < size) {
    size_t k = (uint8_t)c->in[at] | (uint8_t)c->in[at + 1] << 8, v_at = at + 2 + k;
    size_t v = (uint8_t)c->in[v_at] | (uint8_t)c->in[v_at + 1] << 8;
    if (k == key_length && !memcmp(c->in + at + 2, key, k)) return *value = c->in + v_at + 2, (int)v;
    at = v_at + 2 + v;
  }
  return -1;
}

static void choose(Client *c, const char *path, int length) {
  static const char small[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\n";
  static const char large[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1048576\r\n\r\n";
  static const char open_end[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n";
  static const char chunked[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n186a0\r\n";
  static const char gzip_me[] = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nuWSGI-Encoding: gzip\r\n\r\n";
  static const char gzip_chunked[] = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n186a0\r\n";
  static const char upgraded[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
  c->tail = "";
  c->has_length = 0;
  if (length == 3 && !memcmp(path, "/ws", 3)) c->head = upgraded, c->head_length = sizeof upgraded - 1, c->body_length = 0, c->echoes = 1;
  else if (length == 5 && !memcmp(path, "/page", 5)) {
    c->head = c->is_http ? gzip_chunked : gzip_me;
    c->head_length = strlen(c->head), c->body = page, c->body_length = CHUNKED;
    if (c->is_http) c->tail = "\r\n0\r\n\r\n";
  } else if (length == 7 && !memcmp(path, "/events", 7)) {
    c->head = gzip_me, c->head_length = sizeof gzip_me - 1, c->body = page, c->body_length = EVENT, c->events_left = EVENTS - 1;
  } else if (length == 3 && !memcmp(path, "/1m", 3)) c->head = large, c->head_length = sizeof large - 1, c->body = zeros, c->body_length = MEGABYTE, c->has_length = 1;
  else if (length == 8 && !memcmp(path, "/chunked", 8)) {
    c->head = c->is_http ? chunked : open_end;
    c->head_length = strlen(c->head);
    c->body = zeros, c->body_length = CHUNKED;
    if (c->is_http) c->tail = "\r\n0\r\n\r\n";
  } else c->head = small, c->head_length = sizeof small - 1, c->body = "hello world\n", c->body_length = 12, c->has_length = 1;
  c->tail_length = strlen(c->tail);
}

/* Returns 1 once the head is complete, 0 for more, -1 for nonsense. */
static int read_head(Client *c) {
  const char *value;
  size_t end;
  if (c->length == 0) return 0;
  c->is_http = c->in[0] != 0;
  if (c->is_http) {
    char *stop = memmem(c->in, c->length, "\r\n\r\n", 4);
    if (!stop) return 0;
    end = stop + 4 - c->in;
    char *path = memchr(c->in, ' ', end), *path_end = path ? memchr(path + 1, ' ', stop - path) : 0;
    if (!path_end) return -1;
    choose(c, path + 1, path_end - path - 1);
    stop[2] = 0;
    char *field = strcasestr(c->in, "\r\ncontent-length:");
    c->body_left = field ? atoll(field + 17) : 0;
  } else {
    if (c->length < 4) return 0;
    end = 4 + ((uint8_t)c->in[1] | (uint8_t)c->in[2] << 8);
    if (c->length < end) return 0;
    int length = find_var(c, "PATH_INFO", &value);
    if (length < 0) return -1;
    choose(c, value, length);
    char digits[24] = "";
    length = find_var(c, "CONTENT_LENGTH", &value);
    if (length > 0 && length < 24) memcpy(digits, value, length);
    c->body_left = atoll(digits);
  }
  c->body_left -= c->length - end;
  c->head_done = 1;
  return 1;
}

/* Returns 0 when the client is gone. */
static int send_answer(Client *c) {
  size_t total = c->head_length + c->body_length + c->tail_length;
  while (c->sent < total) {
    struct iovec parts[3] = {{(void *)c->head, c->head_length}, {(void *)c->body, c->body_length}, {(void *)c->tail, c->tail_length}};
    size_t skip = c->sent;
    for (int i = 0; i < 3; i++) {
      size_t part = skip < parts[i].iov_len ? skip : parts[i].iov_len;
      parts[i].iov_base = (char *)parts[i].iov_base + part, parts[i].iov_len -= part, skip -= part;
    }
    ssize_t n = writev(c->fd, parts, 3);
    if (n < 0) {
      if (errno != EAGAIN) return 0;
      struct epoll_event event = {.events = EPOLLOUT, .data.ptr = c};
      epoll_ctl(poll_fd, EPOLL_CTL_MOD, c->fd, &event);
      c->writing = 1;
      return 1;
    }
    c->sent += n;
  }
  if (c->events_left > 0) {
    /* The next one comes in the next round, so that a router gets to see this one alone. */
    c->events_left--, c->head_length = c->sent = 0, c->body += EVENT;
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = c};
    epoll_ctl(poll_fd, EPOLL_CTL_MOD, c->fd, &event);
    c->writing = 1;
    return 1;
  }
  if (!c->is_http && !c->echoes && !(c->is_persistent && c->has_length)) return 0;
  if (c->writing) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(poll_fd, EPOLL_CTL_MOD, c->fd, &event);
  }
  c->length = c->sent = 0, c->head_done = c->writing = 0;
  if (c->echoes == 1) c->echoes = 2;
  return 1;
}

/* Returns 0 when the client is gone or done. */
static int serve(Client *c) {
  if (c->writing) return send_answer(c);
  for (;;) {
    if (c->echoes == 2) {
      ssize_t n = read(c->fd, sink, sizeof sink);
      if (n <= 0) return n < 0 && errno == EAGAIN;
      if (write(c->fd, sink, n) != n) return 0;
      continue;
    }
    if (c->head_done) {
      if (c->body_left <= 0) {
        if (!send_answer(c)) return 0;
        if (c->writing || c->echoes != 2) return 1;
        continue;
      }
      ssize_t n = read(c->fd, sink, sizeof sink);
      if (n <= 0) return n < 0 && errno == EAGAIN;
      c->body_left -= n;
    } else {
      ssize_t n = read(c->fd, c->in + c->length, HEAD_ROOM - 1 - c->length);
      if (n <= 0) return n < 0 && errno == EAGAIN;
      c->length += n;
      if (read_head(c) < 0) return 0;
    }
  }
}

static int listen_on(const char *path) {
  int server = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  unlink(path);
  if (bind(server, (void *)&address, sizeof address) || listen(server, 4096)) perror(path), exit(1);
  return server;
}

int main(int argc, char **argv) {
  if (argc != 3) return fprintf(stderr, "usage: backend SOCKET PERSISTENT-UWSGI-SOCKET\n"), 2;
  /* Text that packs to about a quarter, as pages do. */
  static const char *words[] = {"<li class=\"item\">", "</li>\n", "<a href=\"/page/", "\">", "</a>", "edge", "router", "the", "answer", "of",
                                "an", "app", "server", "and", "request", "connection", "is", "for", "with", "under", "load", "worker",
                                "process", "socket", "header", "body", "time", "node", "client", "pool", "cache", "key"};
  unsigned long long seed = 88172645463325252ull;
  for (int i = 0; i < CHUNKED;) {
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    char text[40];
    int length = snprintf(text, sizeof text, seed & 7 ? "%s " : "%s%llu ", words[(seed >> 8) & 31], (seed >> 20) & 0xfffff);
    for (int k = 0; k < length && i < CHUNKED; k++) page[i++] = text[k];
  }
  signal(SIGPIPE, SIG_IGN);
  int servers[2] = {listen_on(argv[1]), listen_on(argv[2])};
  poll_fd = epoll_create1(0);
  for (int i = 0; i < 2; i++) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &servers[i]};
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, servers[i], &event);
  }
  for (;;) {
    struct epoll_event events[64];
    int count = epoll_wait(poll_fd, events, 64, -1);
    for (int i = 0; i < count; i++) {
      Client *c = events[i].data.ptr;
      int *server = events[i].data.ptr;
      if (server != &servers[0] && server != &servers[1]) {
        if (!serve(c)) drop(c);
        continue;
      }
      for (int fd; (fd = accept4(*server, 0, 0, SOCK_NONBLOCK)) >= 0;) {
        c = malloc(sizeof *c);
        c->fd = fd, c->is_persistent = server == &servers[1];
        c->length = c->sent = 0, c->head_done = c->writing = c->echoes = c->events_left = 0;
        struct epoll_event wait = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &wait);
        if (!serve(c)) drop(c);
      }
    }
  }
}
