namespace sentinel::delivery {}
