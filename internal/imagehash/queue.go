package imagehash

import "sync"

// queue is work that makes more work, done by a few goroutines. The last that came is done first, so that little waits at a time. The zero value
// is empty.
type queue struct {
	mu   sync.Mutex
	more sync.Cond
	work []func()
	busy int
}

// add adds work. Only work that is being done adds more.
func (q *queue) add(do func()) {
	q.mu.Lock()
	q.work = append(q.work, do)
	q.mu.Unlock()
	q.more.Signal()
}

// run does the first work and all that comes of it, on n goroutines, and returns when it is done.
func (q *queue) run(n int, first func()) {
	q.more.L = &q.mu
	q.work = append(q.work, first)
	var workers sync.WaitGroup
	for range n {
		workers.Go(q.worker)
	}
	workers.Wait()
}

func (q *queue) worker() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		for len(q.work) == 0 && q.busy > 0 {
			q.more.Wait()
		}
		if len(q.work) == 0 {
			q.more.Broadcast() // there will be no more
			return
		}
		last := len(q.work) - 1
		do := q.work[last]
		q.work = q.work[:last]
		q.busy++
		q.mu.Unlock()
		do()
		q.mu.Lock()
		q.busy--
	}
}
