// What every page gains where scripts run. None of it is needed to sign in.

const all = (selector) => [...document.querySelectorAll(selector)];
const forms = all("form[method=post]:not([data-away])"); // to the gate
const question = forms.find((form) => form.elements.visit);
const { afresh, reload } = document.body.dataset;

// An application's address may end in a fragment (#/dash/7), which browsers carry
// from one address to the next, but not into a form or a link: so it goes with
// theirs. A link that differed from the page in nothing else would lead nowhere.
for (const form of forms) form.action += location.hash;
for (const link of all("main a")) {
	if (location.hash && link.search && link.origin === location.origin) link.href += "&" + location.hash;
}

// Reloading a page that answers a form would send the form again. So it gets the
// address of a new sign-in that returns to the same place, or its own address.
const rename = (address) => address && history.replaceState(null, "", address + location.hash);
rename(reload ?? afresh);

// Who presses twice sends once; after a while again, as nothing may have come of it.
// A page that was answered and comes back from the browser's memory begins anew.
let answered = false;
document.addEventListener("submit", (event) => {
	if (event.defaultPrevented) return; // another script will send it
	const { dataset } = event.target;
	if ("sent" in dataset) return event.preventDefault();
	answered = true;
	dataset.sent = "";
	setTimeout(() => delete dataset.sent, 5000);
});
addEventListener("pageshow", (event) => event.persisted && answered && location.reload());

// A page that waits goes on when a user has signed in in another tab. A button
// with data-wait="<seconds>" waits for something else: it is pressed when that has come.
const waiting = document.querySelector("button[data-wait]");
let pause = 1000 * (waiting?.dataset.wait ?? 5);
let last = 0;

async function listen() {
	if (document.hidden || "sent" in question.dataset || performance.now() - last < 1000) return;
	last = performance.now();
	try {
		const body = new URLSearchParams({ visit: question.elements.visit.value, poll: 1 });
		const { next } = await (await fetch(question.action, { method: "POST", body })).json();
		if (next === "begin") {
			rename(afresh); // it was not the visitor who reloaded the page
			location.reload();
		}
		if (next === "answer") waiting?.click();
	} catch {} // the next time will tell
}

function wait() {
	setTimeout(async () => {
		await listen();
		pause = Math.min(pause * 1.2, 60_000);
		if (performance.now() < 30 * 60_000) wait(); // as long as a visit lasts
	}, pause);
}

if (question) {
	for (const sign of ["visibilitychange", "focus", "pageshow"]) addEventListener(sign, listen);
	wait();
}

// A password can be looked at, and is sent as one: browsers keep other words.
for (const eye of all("button[data-show]")) {
	const field = document.getElementById(eye.dataset.show);
	const show = (shown) => {
		field.type = shown ? "text" : "password";
		eye.ariaPressed = shown;
	};
	eye.addEventListener("click", () => show(field.type === "password"));
	field.form.addEventListener("submit", () => show(false));
}

// If the visitor wants it, the browser keeps the name and fills it in the next
// time, until a visitor says that it is not theirs.
const key = "authentik-gate-name";

for (const other of all("a[data-forget], form:has([name=switch]) button")) {
	other.addEventListener("click", () => {
		try {
			localStorage.removeItem(key);
		} catch {} // there is nothing to forget
	});
}

for (const box of all("input[data-remember]")) {
	const field = document.getElementById(box.dataset.remember);
	try {
		const name = localStorage.getItem(key);
		box.checked = name;
		if (name && !field.value) {
			field.value = name;
			box.form.querySelector("[type=password]")?.focus();
		}
		box.form.addEventListener("submit", () => localStorage.setItem(key, box.checked ? field.value : ""));
	} catch {} // a browser without storage
}

// Recovery codes can be copied, where the connection is secure, and printed.
for (const button of all("button[data-do]")) {
	const copy = async () => {
		await navigator.clipboard.writeText(all(".codes li").map((code) => code.textContent).join("\n"));
		button.textContent = button.dataset.done;
	};
	button.hidden = button.dataset.do === "copy" && !navigator.clipboard;
	button.addEventListener("click", () => (button.dataset.do === "copy" ? copy() : print()));
}
