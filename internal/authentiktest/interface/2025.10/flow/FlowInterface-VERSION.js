// The entry of the flow interface, which asks for the settings before anything else.
class FlowExecutor extends HTMLElement {
	async connectedCallback() {
		const { call, run } = await import("../chunks/stages.js");
		writeFont();
		await Promise.all([call("root/config/"), call("core/brands/current/")]);
		await run(this, this.getAttribute("slug"));
	}
}

// writeFont brings the font in by a style of the page's own: the address is relative to the page, not to this file.
const writeFont = () => {
	const style = document.createElement("style");
	style.textContent = '@font-face { font-family: "Stand-in"; src: url("assets/fonts/standin/sign.woff2") format("woff2"); }';
	document.head.append(style);
};

customElements.define("ak-flow-executor", FlowExecutor);
