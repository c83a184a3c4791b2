// Asks the JSON API. A session that ended leads to the login page; other failures are thrown with their reason.

const csrf = document.querySelector('meta[name="csrf"]').content;

/** Get JSON. Background requests do not keep an idle session alive. */
export const get = (path, { background = false } = {}) =>
  ask(path, { headers: background ? { "X-Background": "1" } : {} });

/** Change something. */
export const post = (path) => ask(path, { method: "POST", headers: { "X-CSRF-Token": csrf } });

/** Go to the login page, and come back here afterwards. */
export function leave() {
  location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
}

async function ask(path, options) {
  const answer = await fetch(path, { ...options, credentials: "same-origin", cache: "no-store" });
  if (answer.status === 401) {
    leave();
    throw new Error("signed out");
  }
  const body = await answer.json().catch(() => null);
  if (!answer.ok) {
    const error = new Error(typeof body?.detail === "string" ? body.detail : `the server answered ${answer.status}`);
    error.status = answer.status;
    throw error;
  }
  return body;
}
