/* A cheap uwsgi backend for the benchmarks: one thread, one unix socket, an answer as soon as the first bytes of a packet are in. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char ANSWER[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\nhello world\n";
static char buffer[65536];

static int answer(int client) {
  ssize_t got = read(client, buffer, sizeof buffer);
  if (got < 0) return 0;
  if (got > 0 && write(client, ANSWER, sizeof ANSWER - 1) < 0) perror("write");
  close(client);
  return 1;
}

int main(int argc, char **argv) {
  if (argc != 2) return fprintf(stderr, "usage: backend SOCKET\n"), 2;
  signal(SIGPIPE, SIG_IGN);
  int server = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, argv[1], sizeof address.sun_path - 1);
  unlink(argv[1]);
  if (bind(server, (void *)&address, sizeof address) || listen(server, 4096)) return perror(argv[1]), 1;
  int poll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = server};
  epoll_ctl(poll, EPOLL_CTL_ADD, server, &event);
  for (;;) {
    struct epoll_event events[64];
    int count = epoll_wait(poll, events, 64, -1);
    for (int i = 0; i < count; i++) {
      if (events[i].data.fd != server) {
        answer(events[i].data.fd);
        continue;
      }
      for (int client; (client = accept4(server, 0, 0, SOCK_NONBLOCK)) >= 0;) {
        if (answer(client)) continue;
        struct epoll_event wait = {.events = EPOLLIN, .data.fd = client};
        epoll_ctl(poll, EPOLL_CTL_ADD, client, &wait);
      }
    }
  }
}
