/* QEMU's user-mode network accepts a connection at any time, and then asks the guest for it: at
 * once, after six seconds, after eighteen. A try that comes too early is silent, and given up it
 * lives on in QEMU and knocks at the server later, when nobody wants it any more: too many of
 * those, and the server turns away those who do. So tries are few until the guest has a network
 * card. Once the guest itself has refused one, it is there for good: from then on tries follow one
 * another quickly, and silence means that a server is at work on its banner, for which a slow guest
 * is given time. */
#include "banner.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/text.h"
#include "login.h"

enum {
	PENDING_MOST = 8,
	REFUSED_PAUSE = 25,
	QUICK_PAUSE = 15, /* doubled with each try: a card mostly has its address at once */
	QUICK_TRIES = 3,
	SILENT_PAUSE = 250, /* doubled after so many tries, and again */
	SILENT_TRIES = 8,
	UNCERTAIN_PAUSE = 5000,
	SERVING_PAUSE = 2000,
	FIRST_TICK = 100,
	TICK = 1000,
	BANNER_LEAST = 4,
};

struct watch {
	struct banner *banner;
	int pending[PENDING_MOST]; /* the oldest first */
	int count;
	int64_t next_try, next_tick;
	bool answered; /* the guest's network is there */
};

static void drop(struct watch *w, int at)
{
	close(w->pending[at]);
	memmove(&w->pending[at], &w->pending[at + 1], sizeof(w->pending[0]) * (w->count - at - 1));
	w->count--;
}

static int64_t silent_pause(const struct watch *w)
{
	if (w->answered)
		return SERVING_PAUSE;
	if (!w->banner->certain)
		return UNCERTAIN_PAUSE;
	if (w->banner->tries <= QUICK_TRIES)
		return QUICK_PAUSE << w->banner->tries;
	return SILENT_PAUSE << MIN(2, w->banner->tries / SILENT_TRIES);
}

static void try(struct watch *w)
{
	AUTO(error) struct error *err = NULL;
	int fd = login_connect(w->banner->port, &err);

	w->banner->tries++;
	w->next_try = clock_now() + silent_pause(w);
	if (fd < 0) {
		w->banner->last = "QEMU did not accept";
		return;
	}
	if (w->count == PENDING_MOST) {
		drop(w, 0);
		w->banner->last = "no answer";
	}
	w->pending[w->count++] = fd;
}

/* The socket, if its banner is there. */
static int look(struct watch *w, int at)
{
	char text[BANNER_LEAST];
	ssize_t n = recv(w->pending[at], text, sizeof(text), MSG_PEEK | MSG_DONTWAIT);
	int fd = w->pending[at];

	if (n == BANNER_LEAST && !memcmp(text, "SSH-", BANNER_LEAST)) {
		memmove(&w->pending[at], &w->pending[at + 1],
			sizeof(w->pending[0]) * (w->count - at - 1));
		w->count--;
		return fd;
	}
	if (n > 0 && n < BANNER_LEAST) {
		poll(NULL, 0, 1);
		return -1;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return -1;
	w->answered = w->answered || n <= 0;
	w->banner->last = n > 0 ? "something else than SSH answers" : "refused";
	w->next_try = clock_now() + REFUSED_PAUSE;
	drop(w, at);
	return -1;
}

static int look_all(struct watch *w, const struct pollfd *fds)
{
	for (int i = w->count; i-- > 0;) {
		int fd = fds[i].revents ? look(w, i) : -1;

		if (fd >= 0)
			return fd;
	}
	return -1;
}

static int wait_once(struct watch *w, bool *ended)
{
	struct pollfd fds[PENDING_MOST + 1];
	int64_t until = MIN(MIN(w->next_try, w->next_tick), w->banner->end);

	for (int i = 0; i < w->count; i++)
		fds[i] = (struct pollfd){.fd = w->pending[i], .events = POLLIN};
	fds[w->count] = (struct pollfd){.fd = w->banner->ended_fd, .events = POLLIN};
	if (poll(fds, w->count + 1, (int)CLAMP(until - clock_now(), 0, TICK)) <= 0)
		return -1;
	*ended = fds[w->count].revents != 0;
	return look_all(w, fds);
}

static bool tick(struct watch *w)
{
	if (clock_now() < w->next_tick)
		return true;
	w->next_tick = clock_now() + TICK;
	return !w->banner->tick || w->banner->tick(w->banner->data);
}

int banner_wait(struct banner *banner, struct error **err)
{
	struct watch w = {.banner = banner, .next_tick = clock_now() + FIRST_TICK};
	bool ended = false, wanted = true;
	int fd = -1;

	while (fd < 0 && !ended && wanted && clock_now() < banner->end) {
		if (clock_now() >= w.next_try)
			try(&w);
		fd = wait_once(&w, &ended);
		wanted = tick(&w);
	}
	while (w.count)
		drop(&w, 0);
	if (fd < 0 && ended)
		error_set(err, ERROR_UNAVAILABLE, "its QEMU ended");
	else if (fd < 0 && !wanted)
		error_set(err, ERROR_CANCELLED, "given up");
	else if (fd < 0)
		error_set(err, ERROR_TIMEOUT, "no SSH banner on 127.0.0.1:%d (%u tries, last: %s)",
			banner->port, banner->tries, banner->last ? banner->last : "no answer");
	return fd;
}
