/**
 * The organisation's tasks. A change shows at once and is taken back, with the reason, if the server refuses it.
 *
 * `status` is what the server confirmed; `wanted` is what the reader asked for and waits to hear of. Events of others
 * change only what is confirmed, so that neither undoes the other.
 */
import { isTaskEvent, type StreamEvent } from '@indaba/client';
import { defineStore } from 'pinia';
import { computed, ref } from 'vue';
import { ApiError, reasonOf, request } from '../api/http';
import { i18n } from '../i18n';

export const statuses = ['todo', 'doing', 'done'] as const;
export type TaskStatus = (typeof statuses)[number];

export interface Task {
  id: number;
  title: string;
  status: TaskStatus;
  assignee_id?: number | null;
}

export interface ShownTask extends Task {
  wanted?: TaskStatus | undefined;
  /** Not yet confirmed at all: its id is ours, and negative. */
  saving?: boolean;
  error?: string | undefined;
}

interface Page {
  results: Task[];
  next_cursor?: string | null;
}

export const useTasks = defineStore('tasks', () => {
  const byId = ref(new Map<number, ShownTask>());
  const loaded = ref(false);
  const problem = ref('');
  let org = '';
  /** Grows with every load: an answer for an earlier one comes too late. */
  let generation = 0;
  let lastOwnId = 0;
  /** What came while the list was being read. */
  let early: StreamEvent[] = [];

  const list = computed(() => [...byId.value.values()].sort(byAge));

  async function load(slug: string): Promise<void> {
    org = slug;
    generation += 1;
    const mine = generation;
    loaded.value = false;
    early = [];
    problem.value = '';
    try {
      const tasks = await readAll(slug);
      if (mine !== generation) return;
      byId.value = new Map(tasks.map((task) => [task.id, task]));
      loaded.value = true;
      for (const event of early) apply(event);
    } catch (error) {
      if (mine === generation) problem.value = reasonOf(error);
    }
  }

  function clear(): void {
    generation += 1;
    byId.value = new Map();
    loaded.value = false;
    early = [];
  }

  /** A change by anyone, our own included. */
  function apply(event: StreamEvent): void {
    if (!isTaskEvent(event)) return;
    if (!loaded.value) {
      early.push(event);
      return;
    }
    const task = byId.value.get(event.task_id);
    if (event.action === 'deleted') {
      byId.value.delete(event.task_id);
      return;
    }
    const { to, changed } = event.details;
    if (task && isStatus(to)) task.status = to;
    // What changed beside the status is not told, only that it did.
    if (!task || event.action !== 'status_changed' || changed) void refresh(event.task_id);
  }

  async function refresh(id: number): Promise<void> {
    const mine = generation;
    try {
      const task = await request<Task>('GET', `orgs/${org}/tasks/${id}`);
      if (mine === generation) confirm(task);
    } catch (error) {
      if (mine !== generation) return;
      if (error instanceof ApiError && error.status === 404) byId.value.delete(id);
      else problem.value = reasonOf(error);
    }
  }

  /** Resolves to whether it was saved; the reason why not is in `problem`. */
  async function create(title: string): Promise<boolean> {
    const mine = generation;
    const ownId = (lastOwnId -= 1);
    problem.value = '';
    byId.value.set(ownId, { id: ownId, title, status: 'todo', saving: true });
    try {
      const task = await request<Task>('POST', `orgs/${org}/tasks`, {
        body: { title },
        idempotencyKey: crypto.randomUUID(),
      });
      if (mine === generation) confirm(task);
      return true;
    } catch (error) {
      problem.value = i18n.global.t('tasks.notSaved', { reason: reasonOf(error) });
      return false;
    } finally {
      byId.value.delete(ownId);
    }
  }

  /** One request at a time for each task, so that the last choice is also the last to arrive. */
  async function setStatus(id: number, status: TaskStatus): Promise<void> {
    const task = byId.value.get(id);
    if (!task) return;
    const busy = task.wanted !== undefined;
    task.wanted = status;
    task.error = undefined;
    if (busy) return;
    const mine = generation;
    try {
      while (task.wanted !== task.status) {
        const body = { status: task.wanted };
        const saved = await request<Task>('PATCH', `orgs/${org}/tasks/${id}`, { body });
        if (mine !== generation) return;
        confirm(saved);
      }
    } catch (error) {
      task.error = i18n.global.t('tasks.notSaved', { reason: reasonOf(error) });
    } finally {
      task.wanted = undefined;
    }
  }

  function confirm(task: Task): void {
    const shown = byId.value.get(task.id);
    if (shown) Object.assign(shown, task);
    else byId.value.set(task.id, task);
  }

  return { list, loaded, problem, byId, load, clear, apply, create, setStatus };
});

async function readAll(org: string): Promise<Task[]> {
  const all: Task[] = [];
  let cursor: string | undefined;
  do {
    const after = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page = await request<Page>('GET', `orgs/${org}/tasks?limit=200${after}`);
    all.push(...page.results);
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return all;
}

/** Oldest first; what is not saved yet stands last. */
function byAge(one: Task, other: Task): number {
  const rank = (id: number) => (id < 0 ? Number.MAX_SAFE_INTEGER + id : id);
  return rank(one.id) - rank(other.id);
}

function isStatus(value: unknown): value is TaskStatus {
  return statuses.includes(value as TaskStatus);
}
